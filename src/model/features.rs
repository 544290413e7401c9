/// What a platform can do and how much it takes. Differences between platforms are this data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// Longest text of one message, in `unit`.
    pub max_text: usize,
    /// Longest text with a file, in `unit`.
    pub max_caption: usize,
    /// What `max_text` counts.
    pub unit: Unit,
    /// How styles are written.
    pub markup: Markup,
    /// Whether a message that stands can be changed; without it nothing is previewed.
    pub edits: bool,
    /// Whether a preview grows in place for free (a terminal), so that it need not be throttled.
    pub free_edits: bool,
    /// Whether "is typing" can be shown.
    pub typing: bool,
    /// Whether Toney can delete what people wrote to it alone.
    pub deletes: bool,
    /// Whether a button can open a form, which nobody else sees filled in.
    pub forms: bool,
    /// Most buttons side by side.
    pub buttons_per_row: usize,
    /// Whether it takes a copy of a file that is sent; a terminal only says where it lies.
    pub takes_files: bool,
    /// Whether what comes later is read later: a terminal is only there while somebody sits at it, who knows what runs.
    pub lasts: bool,
    /// Largest file that can be fetched, in bytes.
    pub max_download: u64,
    /// How fast the platform lets us send.
    pub pace: Option<Pace>,
}

/// What a limit on text counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// UTF-16 code units.
    Utf16,
    /// Unicode scalar values.
    Chars,
}

/// How styles are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Markup {
    /// Plain text, and the styles beside it as spans.
    Spans,
    /// Markdown inside the text, with everything escaped that is not meant.
    Markdown,
    /// No styles at all: what Markdown leaves when read aloud.
    Plain,
}

/// The platform's own limits on sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Messages per second into one chat.
    pub chat_per_second: u32,
    /// How many may follow one another in a chat before that rate holds.
    pub chat_burst: u32,
    /// Messages per minute into one group; 0 = no such limit.
    pub group_per_minute: u32,
    /// Messages per second in all.
    pub total_per_second: u32,
}
