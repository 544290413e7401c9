//! Faults that a test orders for a route.

use std::time::Duration;

use super::state::Channel;

/// The routes that a gateway uses most, in the words of the specification.
pub mod route {
    pub const SEND: &str = "POST /channels/{channel_id}/messages";
    pub const EDIT: &str = "PATCH /channels/{channel_id}/messages/{message_id}";
    pub const DELETE: &str = "DELETE /channels/{channel_id}/messages/{message_id}";
    pub const HISTORY: &str = "GET /channels/{channel_id}/messages";
    pub const TYPING: &str = "POST /channels/{channel_id}/typing";
    pub const DM: &str = "POST /users/@me/channels";
    pub const CALLBACK: &str = "POST /interactions/{interaction_id}/{interaction_token}/callback";
    pub const FOLLOWUP: &str = "POST /webhooks/{webhook_id}/{webhook_token}";
    pub const EDIT_ORIGINAL: &str =
        "PATCH /webhooks/{webhook_id}/{webhook_token}/messages/@original";
    pub const SET_COMMANDS: &str = "PUT /applications/{application_id}/commands";
    pub const GATEWAY: &str = "GET /gateway";
    pub const GATEWAY_BOT: &str = "GET /gateway/bot";
    pub const ME: &str = "GET /users/@me";
    /// Every route.
    pub const ANY: &str = "*";
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// 429 with this many seconds to wait; nothing is applied.
    RateLimited { after: f64, global: bool },
    /// A status with Discord's error shape; nothing is applied.
    Status(u16),
    /// An error with its own code; nothing is applied.
    Error {
        status: u16,
        code: u64,
        message: &'static str,
    },
    /// A page of a proxy instead of JSON; nothing is applied.
    Html(u16),
    /// The connection breaks before anything is applied.
    Reset,
    /// Applied, and the connection breaks before the answer.
    ApplyThenReset,
    /// Applied, and the answer is this status.
    ApplyThenStatus(u16),
    /// Applied after a wait.
    Delay(Duration),
    /// Applied at once, answered after a wait.
    ApplyThenDelay(Duration),
    /// Never answered, nothing applied.
    Hang,
    /// Applied, never answered.
    ApplyThenHang,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    Times(u32),
    /// From 0 to 1.
    Probability(f64),
    Always,
}

#[derive(Clone, Debug)]
pub struct Planned {
    pub route: String,
    pub channel: Option<Channel>,
    pub when: When,
    pub kind: Kind,
}

/// Takes the fault that is due for this request, if any.
pub fn due(
    planned: &mut Vec<Planned>,
    route: &str,
    channel: Option<Channel>,
    chance: f64,
) -> Option<Kind> {
    let fits = |p: &Planned| {
        (p.route == route || p.route == route::ANY) && (p.channel.is_none() || p.channel == channel)
    };
    let index = planned.iter().position(|p| {
        fits(p)
            && match p.when {
                When::Times(left) => left > 0,
                When::Probability(share) => chance < share,
                When::Always => true,
            }
    })?;
    let plan = planned.get_mut(index)?;
    let kind = plan.kind.clone();
    if let When::Times(left) = &mut plan.when {
        *left -= 1;
        if *left == 0 {
            planned.remove(index);
        }
    }
    Some(kind)
}
