//! How much a document counts for somebody whose thumbs said something of answers from it.

/// How [`super::Passage::by`] calls what thumbs made of a score.
pub const THUMBS: &str = "thumbs";
/// What one thumb more makes of a passage's score.
const STEP: f32 = 1.1;
/// Thumbs that count at most: a document that fits is never out of reach.
const MOST: i64 = 3;

/// What the score of a passage is multiplied by; `net` is answers that helped less answers that were wrong.
pub fn weight(net: i64) -> f32 {
    let net = i32::try_from(net.clamp(-MOST, MOST)).unwrap_or_default();
    STEP.powi(net)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbs_move_a_document_a_little_and_never_away() {
        assert_eq!(weight(0), 1.0);
        assert!(weight(1) > 1.0 && weight(-1) < 1.0);
        assert_eq!(weight(100), weight(MOST));
        assert!(weight(-100) > 0.7 && weight(100) < 1.4);
    }
}
