//! Every fixed sentence that a person can read, in one place.
