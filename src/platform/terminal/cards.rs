//! Which numbers press which buttons.

use super::{Button, Message};

/// How many cards are remembered; whoever has more open than that has long lost sight of the first.
const ROOM: usize = 32;

/// The messages whose buttons can be pressed, the newest last.
///
/// Numbers belong to the newest one alone. A press ends the numbers of every card shown so far: a
/// number typed twice by mistake must never press a button of the card before.
#[derive(Debug, Default)]
pub(super) struct Cards {
    open: Vec<(Message, Vec<String>)>,
}

impl Cards {
    /// A message now has these buttons, or none; a card that stands keeps its place.
    pub(super) fn put(&mut self, message: &Message, buttons: &[Vec<Button>]) {
        let data: Vec<String> = buttons
            .iter()
            .flatten()
            // A page is opened from the address that is shown.
            .filter(|button| button.url.is_none())
            .map(|button| button.data.clone())
            .collect();
        let place = self.open.iter().position(|(known, _)| known == message);
        match (place, data.is_empty()) {
            (Some(place), true) => {
                self.open.remove(place);
            }
            (Some(place), false) => {
                if let Some((_, known)) = self.open.get_mut(place) {
                    *known = data;
                }
            }
            (None, true) => {}
            (None, false) => {
                if self.open.len() == ROOM {
                    self.open.remove(0);
                }
                self.open.push((message.clone(), data));
            }
        }
    }

    /// Presses a number, counted from 1.
    pub(super) fn press(&mut self, number: usize) -> Option<(Message, String)> {
        let (message, data) = self.open.last()?;
        let pressed = (message.clone(), data.get(number.checked_sub(1)?)?.clone());
        self.open.clear();
        Some(pressed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buttons(data: &[&str]) -> Vec<Vec<Button>> {
        data.iter()
            .map(|data| vec![Button::new(*data, *data)])
            .collect()
    }

    #[test]
    fn only_the_newest_card_answers_and_only_once() {
        let (first, second) = (Message::new("1"), Message::new("2"));
        let mut cards = Cards::default();
        cards.put(&first, &buttons(&["a", "b"]));
        cards.put(&second, &buttons(&["c"]));
        assert_eq!(cards.press(0), None);
        assert_eq!(cards.press(2), None);
        assert_eq!(cards.press(1), Some((second, "c".to_owned())));
        assert_eq!(cards.press(1), None);
    }

    #[test]
    fn a_card_without_buttons_gives_way_to_the_one_before() {
        let (first, second) = (Message::new("1"), Message::new("2"));
        let mut cards = Cards::default();
        cards.put(&first, &buttons(&["a", "b"]));
        cards.put(&second, &buttons(&["stop"]));
        cards.put(&second, &[]);
        assert_eq!(cards.press(2), Some((first, "b".to_owned())));
    }

    #[test]
    fn a_replaced_card_answers_with_its_new_buttons() {
        let card = Message::new("1");
        let mut cards = Cards::default();
        cards.put(&card, &buttons(&["a"]));
        cards.put(&card, &buttons(&["b"]));
        assert_eq!(cards.press(1), Some((card, "b".to_owned())));
    }
}
