//! What leaves: bodies of messages, and the three requests that change what stands in a chat.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use serenity::builder::{
    CreateActionRow, CreateAllowedMentions, CreateButton, CreateMessage, EditMessage,
};
use serenity::model::application::ButtonStyle;
use serenity::model::channel::{MessageFlags, MessageReference, Nonce};
use serenity::model::id::{ChannelId, MessageId};

use super::Core;
use super::rest::{Route, Trouble};
use super::wire;
use crate::model::{Address, Button, Interaction, Message};
use crate::platform::{Edit, Letter, SendError};

/// Longest `custom_id` and longest label of a button, in characters, from the reference.
const LONGEST_DATA: usize = 100;
const LONGEST_LABEL: usize = 80;
/// Longest address that a button opens, in characters, from the reference.
const LONGEST_URL: usize = 512;
/// Most rows under a message.
const MOST_ROWS: usize = 5;

/// The part of a message that an answer to a request is read for.
#[derive(Debug, Deserialize)]
pub(super) struct Posted {
    pub(super) id: String,
}

impl Core {
    pub(super) async fn send(&self, letter: &Letter<'_>) -> Result<Message, SendError> {
        let channel = number(letter.address.chat.as_str())?;
        if let Some(interaction) = self.usable(letter.interaction)
            && let Some((application, token)) = wire::handle(interaction)
        {
            self.underway.over(&interaction.id).await;
            let body = edited(&letter.part.text, letter.buttons)?;
            let route = Route::original(application, token);
            match self.rest.call::<Posted>(route, Some(&body)).await {
                Ok(posted) => return Ok(Message::new(posted.id)),
                // Nothing was taken through the spent handle: it becomes an ordinary message.
                Err(trouble) if trouble.is_spent_interaction() => {}
                Err(trouble) => return Err(trouble.into()),
            }
        }
        let body = created(letter, channel)?;
        let route = Route::create_message(channel);
        let posted: Posted = match &letter.attached {
            None => self.rest.call(route, Some(&body)).await?,
            Some(attached) => {
                let name = (attached.name.to_owned(), attached.mime());
                let file = (name, attached.bytes().await?);
                self.rest.upload(route, &body, file).await?
            }
        };
        Ok(Message::new(posted.id))
    }

    pub(super) async fn edit(&self, edit: &Edit<'_>) -> Result<(), SendError> {
        let body = edited(&edit.part.text, edit.buttons)?;
        if let Some(interaction) = self.usable(edit.interaction)
            && let Some((application, token)) = wire::handle(interaction)
        {
            let route = Route::original(application, token);
            match self.rest.call::<Value>(route, Some(&body)).await {
                Ok(_) => return Ok(()),
                Err(trouble) if trouble.is_spent_interaction() => {}
                Err(trouble) => return Err(trouble.into()),
            }
        }
        self.change(edit.address, edit.message, &body).await
    }

    pub(super) async fn change(
        &self,
        address: &Address,
        message: &Message,
        body: &Value,
    ) -> Result<(), SendError> {
        let channel = number(address.chat.as_str())?;
        let route = Route::edit_message(channel, number(message.as_str())?);
        self.rest.call::<Value>(route, Some(body)).await?;
        Ok(())
    }

    pub(super) async fn typing(&self, address: &Address) -> Result<(), SendError> {
        let channel = number(address.chat.as_str())?;
        self.rest
            .call::<Value>(Route::typing(channel), None)
            .await?;
        Ok(())
    }

    /// Only a deferred reply is ours to fill: behind a press, the original is the pressed card.
    fn usable<'a>(&self, interaction: Option<&'a Interaction>) -> Option<&'a Interaction> {
        interaction
            .filter(|interaction| interaction.deferred && interaction.expires > self.clock.now())
    }

    /// Puts the commands in place, but only when they differ from what stands there: writing them
    /// counts against a daily limit.
    pub(super) async fn register(&self, application: u64) -> Result<bool, Trouble> {
        let wanted: Vec<Command> = self.commands.clone();
        let route = Route::commands(Method::GET, application);
        let mut standing: Vec<Command> = self.rest.call(route, None).await?;
        let mut sorted = wanted.clone();
        sorted.sort();
        standing.sort();
        if sorted == standing {
            return Ok(false);
        }
        let body = Value::Array(wanted.iter().map(Command::body).collect());
        let route = Route::commands(Method::PUT, application);
        self.rest.call::<Value>(route, Some(&body)).await?;
        Ok(true)
    }
}

/// A slash command as far as we set it: a chat command with options.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Command {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(rename = "type", default = "chat_command")]
    kind: u8,
    #[serde(default)]
    options: Vec<Choice>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Choice {
    #[serde(rename = "type")]
    kind: u8,
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    required: bool,
}

fn chat_command() -> u8 {
    1
}

impl Command {
    /// A command with one optional text behind it.
    pub(super) fn new(name: &str, description: &str) -> Self {
        Self {
            name: name.trim_start_matches('/').to_owned(),
            // The platform takes 1 to 100 characters.
            description: description.chars().take(100).collect(),
            kind: chat_command(),
            options: vec![Choice {
                kind: 3,
                name: "words".to_owned(),
                description: "What goes with it".to_owned(),
                required: false,
            }],
        }
    }

    fn body(&self) -> Value {
        let Self {
            name,
            description,
            kind,
            options,
        } = self;
        let options: Vec<Value> = options
            .iter()
            .map(|option| {
                json!({
                    "type": option.kind, "name": option.name,
                    "description": option.description, "required": option.required,
                })
            })
            .collect();
        json!({ "type": kind, "name": name, "description": description, "options": options })
    }
}

/// A platform id out of one of our handles; zero is none.
pub(super) fn number(text: &str) -> Result<u64, SendError> {
    match text.parse() {
        Ok(0) | Err(_) => Err(SendError::Rejected("not an id of this platform".to_owned())),
        Ok(number) => Ok(number),
    }
}

fn created(letter: &Letter<'_>, channel: u64) -> Result<Value, SendError> {
    let mut message = CreateMessage::new()
        .content(letter.part.text.as_str())
        .nonce(Nonce::String(letter.nonce.to_owned()))
        .enforce_nonce(true)
        .allowed_mentions(nobody());
    if holds_link(&letter.part.text) {
        message = message.flags(MessageFlags::SUPPRESS_EMBEDS);
    }
    if !letter.buttons.is_empty() {
        message = message.components(rows(letter.buttons)?);
    }
    if let Some(answered) = letter.reply_to.and_then(Message::number::<u64>)
        && answered > 0
    {
        let pair = (ChannelId::new(channel), MessageId::new(answered));
        let mut reference = MessageReference::from(pair);
        reference.fail_if_not_exists = Some(false);
        message = message.reference_message(reference);
    }
    written(&message)
}

/// The body that gives a message this text and these buttons, and takes away all others.
pub(super) fn edited(text: &str, buttons: &[Vec<Button>]) -> Result<Value, SendError> {
    let mut message = EditMessage::new()
        .content(text)
        .allowed_mentions(nobody())
        .components(rows(buttons)?);
    if holds_link(text) {
        message = message.suppress_embeds(true);
    }
    written(&message)
}

/// The body that changes the buttons and leaves the text alone.
pub(super) fn rebuttoned(buttons: &[Vec<Button>]) -> Result<Value, SendError> {
    written(&EditMessage::new().components(rows(buttons)?))
}

/// Mentions in our text never ring anybody, not even the person we reply to.
fn nobody() -> CreateAllowedMentions {
    CreateAllowedMentions::new().replied_user(false)
}

fn holds_link(text: &str) -> bool {
    text.contains("://")
}

fn rows(buttons: &[Vec<Button>]) -> Result<Vec<CreateActionRow>, SendError> {
    let rows: Vec<_> = buttons.iter().filter(|row| !row.is_empty()).collect();
    let fits = rows.len() <= MOST_ROWS
        && rows.iter().all(|row| {
            row.len() <= super::BUTTONS_PER_ROW
                && row.iter().all(|button| match &button.url {
                    Some(url) => url.chars().count() <= LONGEST_URL,
                    None => button.data.chars().count() <= LONGEST_DATA,
                })
        });
    if !fits {
        return Err(SendError::Rejected(
            "too many or too long buttons".to_owned(),
        ));
    }
    Ok(rows
        .iter()
        .map(|row| CreateActionRow::Buttons(row.iter().map(button).collect()))
        .collect())
}

fn button(button: &Button) -> CreateButton {
    let label: String = button.label.chars().take(LONGEST_LABEL).collect();
    if let Some(url) = &button.url {
        return CreateButton::new_link(url).label(label);
    }
    CreateButton::new(&button.data)
        .style(ButtonStyle::Secondary)
        .label(label)
}

fn written(body: &impl serde::Serialize) -> Result<Value, SendError> {
    serde_json::to_value(body).map_err(|error| SendError::Rejected(error.to_string()))
}
