//! The JSON shapes of Discord, made from the state.

use serde_json::{Map, Value, json};

use super::state::{
    Asked, Channel, Deed, EPHEMERAL, File, Guild, Interaction, Place, State, Stored, User,
};

/// Everything an ordinary member may do, as one permission number.
const ALL_PERMISSIONS: &str = "2248473465835073";
const LONG_AGO: &str = "2020-01-01T00:00:00.000000+00:00";

impl State {
    pub fn user_json(&self, user: User) -> Value {
        let (name, bot) = self
            .people
            .get(&user)
            .map_or(("deleted-user", false), |p| (p.name.as_str(), p.bot));
        json!({
            "id": user.to_string(), "username": name, "global_name": name, "avatar": null,
            "discriminator": "0", "public_flags": 0, "flags": 0, "bot": bot, "primary_guild": null,
        })
    }

    pub fn me_json(&self) -> Value {
        let mut me = self.user_json(self.me());
        me["mfa_enabled"] = json!(true);
        me["locale"] = json!("en-US");
        me["verified"] = json!(true);
        me["email"] = json!(null);
        me
    }

    pub fn application_json(&self) -> Value {
        json!({
            "id": self.me().to_string(), "name": self.config.bot_name, "icon": null, "description": "",
            "type": null, "verify_key": "0".repeat(64), "flags": self.application_flags(), "flags_new": self.application_flags().to_string(),
            "bot_public": true, "bot_require_code_grant": false, "redirect_uris": [],
            "interactions_endpoint_url": null, "role_connections_verification_url": null,
            "owner": self.user_json(self.me()), "approximate_guild_count": self.guilds.len(),
            "approximate_user_install_count": 0, "approximate_user_authorization_count": 0,
            "explicit_content_filter": 0, "team": null, "eligible_oauth2_scopes": [],
        })
    }

    /// The flags that tell which privileged intents are granted (limited variants).
    pub fn application_flags(&self) -> u64 {
        let pairs = [(1 << 8, 1 << 13), (1 << 1, 1 << 15), (1 << 15, 1 << 19)];
        pairs
            .iter()
            .filter(|(intent, _)| self.enabled_intents & intent != 0)
            .map(|(_, flag)| flag)
            .sum()
    }

    pub fn channel_json(&self, channel: Channel) -> Value {
        let room = self.room(channel);
        let last = room.messages.last().map(|m| m.id.to_string());
        let id = channel.to_string();
        match room.place {
            Place::Dm(user) => json!({
                "id": id, "type": 1, "flags": 0, "last_message_id": last, "recipients": [self.user_json(user)],
            }),
            Place::Text(guild) => json!({
                "id": id, "type": 0, "flags": 0, "last_message_id": last, "guild_id": guild.to_string(),
                "name": room.name, "position": 0, "permission_overwrites": [], "nsfw": false,
                "topic": null, "rate_limit_per_user": 0,
            }),
            Place::Thread(guild, parent) => json!({
                "id": id, "type": 11, "flags": 0, "last_message_id": last, "guild_id": guild.to_string(),
                "name": room.name, "parent_id": parent.to_string(), "owner_id": self.me().to_string(),
                "message_count": room.messages.len(), "member_count": 2, "total_message_sent": room.messages.len(),
                "rate_limit_per_user": 0,
                "thread_metadata": {
                    "archived": false, "archive_timestamp": LONG_AGO, "auto_archive_duration": 1440,
                    "locked": false, "create_timestamp": LONG_AGO,
                },
            }),
        }
    }

    /// A guild as REST gives it.
    pub fn guild_json(&self, guild: Guild) -> Value {
        json!({
            "id": guild.to_string(), "name": self.guilds.get(&guild), "icon": null, "description": null,
            "home_header": null, "splash": null, "discovery_splash": null, "features": [], "banner": null,
            "owner_id": self.me().to_string(), "application_id": null, "region": "deprecated",
            "afk_channel_id": null, "afk_timeout": 300, "system_channel_id": null, "system_channel_flags": 0,
            "widget_enabled": false, "widget_channel_id": null, "verification_level": 0,
            "roles": [{
                "id": guild.to_string(), "name": "@everyone", "permissions": ALL_PERMISSIONS, "position": 0,
                "color": 0, "colors": {"primary_color": 0, "secondary_color": null, "tertiary_color": null},
                "hoist": false, "managed": false, "mentionable": false, "icon": null, "unicode_emoji": null, "flags": 0,
            }],
            "default_message_notifications": 0, "mfa_level": 0, "explicit_content_filter": 0,
            "max_presences": null, "max_members": 500_000, "max_stage_video_channel_users": 50,
            "max_video_channel_users": 25, "vanity_url_code": null, "premium_tier": 0,
            "premium_subscription_count": 0, "preferred_locale": "en-US", "rules_channel_id": null,
            "safety_alerts_channel_id": null, "public_updates_channel_id": null,
            "premium_progress_bar_enabled": false, "nsfw": false, "nsfw_level": 0, "emojis": [],
            "stickers": [], "incidents_data": null,
        })
    }

    /// A guild as the gateway sends it after READY.
    pub fn guild_create_json(&self, guild: Guild) -> Value {
        let mut all = self.guild_json(guild);
        let mut rooms: Vec<_> = self
            .rooms
            .iter()
            .filter(|(_, r)| r.guild() == Some(guild) && !r.hidden)
            .collect();
        rooms.sort_by_key(|(id, _)| **id);
        let thread = |place: &Place| matches!(place, Place::Thread(..));
        let (threads, channels): (Vec<_>, Vec<_>) =
            rooms.into_iter().partition(|(_, r)| thread(&r.place));
        all["channels"] = channels
            .iter()
            .map(|(id, _)| self.channel_json(**id))
            .collect();
        all["threads"] = threads
            .iter()
            .map(|(id, _)| self.channel_json(**id))
            .collect();
        all["members"] = json!([self.member_with_user(self.me())]);
        all["joined_at"] = json!(LONG_AGO);
        all["member_count"] = json!(self.people.len());
        all["large"] = json!(false);
        all["unavailable"] = json!(false);
        for name in [
            "voice_states",
            "presences",
            "stage_instances",
            "guild_scheduled_events",
            "soundboard_sounds",
        ] {
            all[name] = json!([]);
        }
        all
    }

    fn member_json() -> Value {
        json!({
            "nick": null, "avatar": null, "banner": null, "roles": [], "joined_at": LONG_AGO,
            "premium_since": null, "deaf": false, "mute": false, "flags": 0, "pending": false,
            "communication_disabled_until": null,
        })
    }

    fn member_with_user(&self, user: User) -> Value {
        let mut member = Self::member_json();
        member["user"] = self.user_json(user);
        member["permissions"] = json!(ALL_PERMISSIONS);
        member
    }

    fn file_json(&self, channel: Channel, file: &File) -> Value {
        let url = format!(
            "{}/attachments/{channel}/{}/{}?ex=7fffffff&is=65000000&hm={}",
            self.url,
            file.id,
            file.name,
            "0".repeat(64)
        );
        let mut all = json!({
            "id": file.id.to_string(), "filename": file.name, "size": file.bytes.len(),
            "content_type": file.content_type, "url": url, "proxy_url": url,
        });
        if let Some(text) = &file.description {
            all["description"] = json!(text);
        }
        all
    }

    /// A message as REST gives it.
    pub fn message_json(&self, channel: Channel, message: &Stored) -> Value {
        let mut all = self.bare_message(channel, message);
        if let Some(earlier) = message.reply_to {
            let room = self.room(channel);
            let found = room.message(earlier).filter(|m| !m.deleted);
            all["type"] = json!(19);
            all["referenced_message"] =
                found.map_or(Value::Null, |m| self.bare_message(channel, m));
            let mut reference = json!({"type": 0, "channel_id": channel.to_string(), "message_id": earlier.to_string()});
            if let Some(guild) = room.guild() {
                reference["guild_id"] = json!(guild.to_string());
            }
            all["message_reference"] = reference;
        }
        all
    }

    fn bare_message(&self, channel: Channel, m: &Stored) -> Value {
        let edited = m.edits.last().map(|e| self.timestamp(e.at));
        let mut all = json!({
            "id": m.id.to_string(), "channel_id": channel.to_string(), "type": 0,
            "author": self.user_json(m.author), "content": m.content, "timestamp": self.timestamp(m.at),
            "edited_timestamp": edited, "tts": false, "mention_everyone": m.pings_everyone, "mention_roles": [],
            "mentions": m.pings.iter().map(|u| self.user_json(*u)).collect::<Vec<_>>(),
            "attachments": m.files.iter().map(|f| self.file_json(channel, f)).collect::<Vec<_>>(),
            "embeds": m.embeds, "components": m.components, "pinned": false, "flags": m.flags,
        });
        if let Some(nonce) = &m.nonce {
            all["nonce"] = nonce.clone();
        }
        if let Some(deed) = m.interaction.and_then(|id| self.deeds.get(&id)) {
            let kind = if matches!(deed.asked, Asked::Command { .. }) {
                20
            } else {
                0
            };
            all["type"] = json!(kind);
            all["webhook_id"] = json!(self.me().to_string());
            all["application_id"] = json!(self.me().to_string());
        }
        all
    }

    /// A message as the gateway sends it: with guild and member.
    pub fn message_event(&self, channel: Channel, message: &Stored) -> Value {
        let mut all = self.message_json(channel, message);
        if let Some(guild) = self.room(channel).guild() {
            all["guild_id"] = json!(guild.to_string());
            all["member"] = Self::member_json();
        }
        all["channel_type"] = self.channel_json(channel)["type"].clone();
        all
    }

    pub fn interaction_event(&self, id: Interaction, deed: &Deed) -> Value {
        let room = self.room(deed.channel);
        let (kind, data, message) = match &deed.asked {
            Asked::Command { data, .. } => (2, data, None),
            Asked::Component { data, message, .. } => (3, data, Some(*message)),
            Asked::Modal { data, message, .. } => (5, data, *message),
        };
        let mut all = json!({
            "id": id.to_string(), "application_id": self.me().to_string(), "type": kind, "data": data,
            "channel_id": deed.channel.to_string(), "channel": self.channel_json(deed.channel),
            "token": deed.token, "version": 1, "app_permissions": ALL_PERMISSIONS, "locale": "en-US",
            "entitlements": [], "attachment_size_limit": 10_485_760,
        });
        if let Some(message) = message.and_then(|m| room.message(m)) {
            all["message"] = self.message_json(deed.channel, message);
        }
        match room.guild() {
            Some(guild) => {
                all["guild_id"] = json!(guild.to_string());
                all["guild_locale"] = json!("en-US");
                all["context"] = json!(0);
                all["member"] = self.member_with_user(deed.user);
                all["authorizing_integration_owners"] = json!({"0": guild.to_string()});
            }
            None => {
                all["context"] = json!(1);
                all["user"] = self.user_json(deed.user);
                all["authorizing_integration_owners"] = json!({"0": "0"});
            }
        }
        all
    }
}

/// Takes away what an application without the message-content intent does not see.
pub fn blank(message: &mut Value) {
    message["content"] = json!("");
    for name in ["embeds", "attachments", "components"] {
        message[name] = json!([]);
    }
    if let Some(map) = message.as_object_mut() {
        map.remove("poll");
        if let Some(Value::Object(earlier)) = map.get_mut("referenced_message") {
            let mut inner = Value::Object(std::mem::take(earlier));
            blank(&mut inner);
            map.insert("referenced_message".into(), inner);
        }
    }
}

/// Gives every component the id and the defaults that Discord adds to what was sent.
pub fn complete_components(components: &mut Value) {
    let mut next = 0;
    complete(components, &mut next);
}

fn complete(components: &mut Value, next: &mut u64) {
    for component in components.as_array_mut().into_iter().flatten() {
        let Some(map) = component.as_object_mut() else {
            continue;
        };
        map.retain(|_, v| !v.is_null());
        *next += 1;
        map.entry("id").or_insert(json!(*next));
        if map.get("type") == Some(&json!(3)) {
            map.entry("min_values").or_insert(json!(1));
            map.entry("max_values").or_insert(json!(1));
        }
        if let Some(inner) = map.get_mut("components") {
            complete(inner, next);
        }
    }
}

/// Whether only the person who caused it sees this message.
pub fn is_private(message: &Stored) -> bool {
    message.flags & EPHEMERAL != 0
}

/// A registered command as Discord gives it back.
pub fn command_json(application: User, id: u64, version: u64, sent: &Value) -> Value {
    let mut all: Map<String, Value> = sent.as_object().cloned().unwrap_or_default();
    all.insert("id".into(), json!(id.to_string()));
    all.insert("version".into(), json!(version.to_string()));
    all.insert("application_id".into(), json!(application.to_string()));
    let defaults = [
        ("type", json!(1)),
        ("description", json!("")),
        ("default_member_permissions", json!(null)),
        ("dm_permission", json!(true)),
        ("nsfw", json!(false)),
        ("name_localizations", json!(null)),
        ("description_localizations", json!(null)),
        ("contexts", json!(null)),
        ("integration_types", json!([0])),
    ];
    for (name, value) in defaults {
        let slot = all.entry(name).or_insert(Value::Null);
        if slot.is_null() {
            *slot = value;
        }
    }
    Value::Object(all)
}
