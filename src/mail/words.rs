//! One Markdown text as plain words and as HTML.

use pulldown_cmark::{Event, Parser, Tag};

use crate::model::phrases::workflows::MAIL_FOOTER;

/// Markdown as HTML. Markup that stands in it is shown, not obeyed, and a link leads to the web or to a mailbox.
pub fn html(markdown: &str) -> String {
    let events = Parser::new(markdown).filter_map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        // A picture would tell who opened the letter.
        Event::Start(Tag::Image { .. }) | Event::End(pulldown_cmark::TagEnd::Image) => None,
        Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }) => {
            let is_safe = ["https://", "http://", "mailto:"]
                .iter()
                .any(|start| dest_url.starts_with(start));
            let dest_url = if is_safe { dest_url } else { "#".into() };
            Some(Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            }))
        }
        Event::SoftBreak => Some(Event::HardBreak),
        event => Some(event),
    });
    let mut out = String::new();
    pulldown_cmark::html::push_html(&mut out, events);
    out
}

/// The plain words of a letter, with the way to stop more of them.
pub(super) fn plain(markdown: &str, link: &str) -> String {
    format!("{}\n\n-- \n{MAIL_FOOTER}{link}\n", markdown.trim())
}

/// The HTML of a letter.
pub(super) fn letter(markdown: &str, link: &str) -> String {
    let link = link
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;");
    format!(
        "<!doctype html><html><body>{}<hr><p style=\"font-size:small\">{MAIL_FOOTER}<a href=\"{link}\">unsubscribe</a></p></body></html>",
        html(markdown)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_shown_and_not_obeyed() {
        let out = html(
            "Hi **Kim** <script>alert(1)</script> [x](javascript:alert(1)) ![p](https://t/x.png)\n\n<iframe src=x>",
        );
        assert!(out.contains("<strong>Kim</strong>"), "{out}");
        for bad in ["<script", "javascript:", "<img", "<iframe"] {
            assert!(!out.contains(bad), "{bad} in {out}");
        }
        assert!(plain("Hi", "https://x/y").ends_with("https://x/y\n"));
    }
}
