//! What is said with pictures and files.

/// Under a picture or a recording that came without words.
pub const HERE_IT_IS: &str = "Here it is.";

/// With a picture where nobody sees any: where it lies.
pub fn picture_lies(words: &str, path: &str) -> String {
    format!("{words}\nThe picture is {path}")
}

/// With a file where none can be sent: where it lies.
pub fn file_lies(words: &str, path: &str) -> String {
    format!("{words}\nThe file is {path}")
}
