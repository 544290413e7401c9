//! What is said about models, and instead of them.

/// The answer when no model can be reached.
pub const OFFLINE: &str = "I can't reach a language model at the moment, so I can't talk this through with you. \
    Your message is kept, nothing is lost. Commands like /help, /why and /privacy work meanwhile.";

/// The answer when no model was ever set up.
pub const NO_MODEL: &str = "No language model is set up here, so I can't talk this through with you. I quote what stands in documents and answer commands; /help lists them. \
    Whoever runs me can set OPENAI_API_KEY (or another provider's key), or start Ollama on this machine, \
    and I'll talk.";

/// The answer when a model declines.
pub const REFUSED: &str =
    "The language model declined to answer that. Put it another way and I'll try again.";

/// The answer when no model is wanted.
pub const SWITCHED_OFF: &str = "I run without a language model here, so I can't talk this through with you. \
    Your message is kept. Commands like /help and /privacy work.";

/// `/model` when none is wanted.
pub const NO_MODEL_WANTED: &str = "Whoever runs me has switched language models off, so I quote what stands in documents and answer commands; /help lists them.";
