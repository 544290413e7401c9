use crate::model::{Features, Part};
pub fn render(markdown: &str, _f: &Features) -> Vec<Part> {
    vec![Part {
        text: markdown.to_owned(),
        spans: vec![],
    }]
}
pub fn preview(markdown: &str, _f: &Features) -> Option<Part> {
    Some(Part {
        text: markdown.to_owned(),
        spans: vec![],
    })
}
