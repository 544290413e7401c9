//! What is said about pictures, and about what is heard and spoken.

/// Why a photo is only kept: no model sees.
pub const NO_EYES: &str =
    "No language model of mine can look at pictures, so tell me what's in it if it matters now.";

/// Why a photo is only kept: it is no picture that models read.
pub const NO_PICTURE: &str = "I can look at JPEG, PNG, GIF and WebP pictures, and this is none of them, so tell me what's in it if it matters now.";

/// Why a photo is only kept: it is too large to be shown.
pub fn too_large_to_see(limit: &str) -> String {
    format!("I can look at pictures of at most {limit}, so send me a smaller copy of it.")
}

/// In place of an answer about a picture that was turned down.
pub const NOT_SEEN: &str = "I kept the picture, but my language model couldn't look at it. Tell me what's in it if it matters now.";

/// Why a voice note is only kept: no model hears.
pub const NO_EARS: &str =
    "No model of mine can listen to voice notes, so write me what you said if it matters now.";
