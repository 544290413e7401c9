//! XML of documents, read one piece after the other: no entities of its own, no endless depth.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::XmlVersion::Implicit1_0;
use quick_xml::events::{BytesStart, Event};

use super::Unreadable;

/// Elements inside elements; documents of people stay far below.
const DEEPEST: usize = 512;

/// A piece of a document. Names are without their prefix.
pub(super) enum Piece<'a> {
    Open(Tag<'a>),
    Close(&'a str),
    Text(Cow<'a, str>),
}

/// An element that begins.
pub(super) struct Tag<'a>(BytesStart<'a>);

impl Tag<'_> {
    pub(super) fn name(&self) -> &str {
        let name = self.0.name().0;
        name.rsplit_once(':').map_or(name, |(_, name)| name)
    }

    /// An attribute by its name without prefix.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        let mut attributes = self.0.attributes();
        let mut named = attributes.with_checks(false).flatten().filter(|attribute| {
            let key = attribute.key.0;
            key.rsplit_once(':').map_or(key, |(_, key)| key) == name
        });
        let value = named.next()?.normalized_value(Implicit1_0).ok()?;
        Some(value.into_owned())
    }
}

/// Hands every piece to `each`, in order.
pub(super) fn walk(
    xml: &str,
    mut each: impl FnMut(Piece<'_>) -> Result<(), Unreadable>,
) -> Result<(), Unreadable> {
    let mut reader = Reader::from_str(xml);
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    config.allow_dangling_amp = true;
    let mut depth = 0_usize;
    loop {
        match reader.read_event().map_err(|_| Unreadable::Broken)? {
            Event::Start(tag) => {
                depth += 1;
                if depth > DEEPEST {
                    return Err(Unreadable::Broken);
                }
                each(Piece::Open(Tag(tag)))?;
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                let name = tag.name().0;
                each(Piece::Close(
                    name.rsplit_once(':').map_or(name, |(_, name)| name),
                ))?;
            }
            Event::Text(text) => each(Piece::Text(text.xml_content(Implicit1_0)))?,
            Event::CData(text) => each(Piece::Text(text.xml_content(Implicit1_0)))?,
            Event::GeneralRef(entity) => {
                let letter = match entity.resolve_char_ref() {
                    Ok(Some(letter)) => Some(letter),
                    Ok(None) => known(&entity.xml10_content()),
                    Err(_) => None,
                };
                if let Some(letter) = letter {
                    each(Piece::Text(Cow::Owned(letter.to_string())))?;
                }
            }
            // Only a document that defines entities of its own needs one, and those are how bombs are made.
            Event::DocType(_) => return Err(Unreadable::Broken),
            Event::Eof => return Ok(()),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

/// The entities that need no definition.
fn known(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(xml: &str) -> Result<String, Unreadable> {
        let mut out = String::new();
        walk(xml, |piece| {
            match piece {
                Piece::Open(tag) => out.push_str(&format!("<{}>", tag.name())),
                Piece::Close(name) => out.push_str(&format!("</{name}>")),
                Piece::Text(text) => out.push_str(&text),
            }
            Ok(())
        })?;
        Ok(out)
    }

    #[test]
    fn pieces_come_in_order() {
        let xml =
            "<?xml version='1.0'?><w:a x='1'>A &amp; B &#x41;&#65; & c<w:b/><![CDATA[<d>]]></w:a>";
        assert_eq!(text(xml).unwrap(), "<a>A & B AA & c<b></b><d></a>");
    }

    #[test]
    fn what_is_made_to_harm_is_refused() {
        let bomb = "<!DOCTYPE a [<!ENTITY x 'xxxx'>]><a>&x;</a>";
        let deep = format!("{}{}", "<a>".repeat(600), "</a>".repeat(600));
        for xml in [bomb, &deep, "<a><b></a>", "<a", "<a><!-- "] {
            assert_eq!(text(xml), Err(Unreadable::Broken), "{xml}");
        }
    }
}
