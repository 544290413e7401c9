//! What people read about requests for approval.

use std::fmt::Write as _;

use crate::model::{Decision, Money, Standing, Time};

/// Who decided on the command line.
pub const OPERATOR: &str = "whoever runs Toney";

/// Under a request: yes.
pub const APPROVE: &str = "Approve";

/// Under a request: no.
pub const REJECT: &str = "Reject";

/// Under a request: sends it back.
pub const ASK_FOR_CHANGES: &str = "Ask for changes";

/// Under a request: everything that is known of it.
pub const DETAILS: &str = "Details";

/// In place of a reason for a no.
pub const WITHOUT_REASON: &str = "Without a reason";

/// Ends what Toney waits for.
pub const CANCEL: &str = "Cancel";

/// Takes one's own request back.
pub const WITHDRAW: &str = "Take it back";

/// Under what was sent back.
pub const NEXT_VERSION: &str = "Hand in a new version";

/// Shows what was decided of late.
pub const HISTORY: &str = "History";

/// The title of the form for the reason of a no.
pub const REJECT_FORM: &str = "Reject";

/// The field in it.
pub const REJECT_FORM_REASON: &str = "Why? Whoever asked will read it.";

/// The title of the form for what is to be changed.
pub const CHANGE_FORM: &str = "Ask for changes";

/// The field in it.
pub const CHANGE_FORM_NOTE: &str = "What should be different?";

/// Somebody says no, and is asked why.
pub const WHY_NOT: &str =
    "Why not? Write the reason as your next message here; whoever asked will read it.";

/// Somebody sends it back, and is asked what is to be different.
pub const WHAT_CHANGES: &str =
    "What should be different? Write it as your next message here; whoever asked will read it.";

/// Where others read along nobody is asked for a reason.
pub const REASON_ALONE: &str = "To write a reason or what should change, use the button under this request in our direct chat; nobody reads along there.";

/// What Toney waited for is over.
pub const CANCELLED: &str = "All right, I leave it as it is.";

/// Somebody presses who does not decide about this.
pub const NOT_YOUR_DECISION: &str = "That isn't yours to decide: only those who hold the role for this artist right now can. Nothing was changed.";

/// Somebody presses under what they asked for themselves.
pub const YOUR_OWN_REQUEST: &str = "You asked for this yourself, so somebody else has to decide. /approvals shows where it stands.";

/// The button belongs to an older version.
pub const NEWER_VERSION: &str = "There is a newer version of this request, so your press under the old one doesn't count. Look at the newest card, or at /approvals.";

/// Somebody says yes a second time.
pub const SAID_YES_BEFORE: &str = "You said yes to this already; it counts once.";

/// There is no approving in advance for this.
pub const NO_STANDING_PERMISSION: &str =
    "This kind of request has to be looked at each time. You can approve just this one.";

/// A request that is not there, or not this person's to see.
pub const NO_SUCH_REQUEST: &str = "I can't show that here: it is gone, or it isn't yours to see.";

/// Requests are private where others read along.
pub const REQUESTS_IN_GROUP: &str = "Requests are private, so I don't show them where others read along. Write /approvals to me in our direct chat.";

/// `/approvals` when there is nothing.
pub const NO_REQUESTS: &str = "Nothing waits for you, and nothing of yours waits for others.";

/// `/approvals` for somebody who works for nobody.
pub const NO_ARTIST_HERE: &str = "You don't work for an artist here yet. Ask whoever runs Toney for an invitation code and write /start CODE.";

/// Words never decide: they show what is open.
pub const PRESS_TO_DECIDE: &str = "Words alone decide nothing here, so that nothing happens by mistake. Press a button under the request that you mean.";

/// Words that would decide, where nothing waits.
pub const NOTHING_TO_DECIDE: &str =
    "Nothing waits for your decision. If you meant something else, tell me in a few more words.";

/// `/approvals here` in a direct chat.
pub const HERE_IS_DIRECT: &str = "Requests come to you here anyway. Write /approvals here in a group or channel to show them there, too.";

/// `/approvals here` of somebody who manages nobody.
pub const HERE_NOT_YOURS: &str = "Only an artist or a manager can have requests shown in a group.";

/// A permission is over.
pub const PERMISSION_ENDED: &str = "That permission is over: such requests wait for a press again.";

/// `/approvals grants` when there are none.
pub const NO_PERMISSIONS: &str =
    "No standing permissions. They are given by a button under a request.";

/// Decides by the permission it names, under a request.
pub fn approve_for(days: u64) -> String {
    match days {
        1 => "Approve, and all like it for a day".to_owned(),
        days => format!("Approve, and all like it for {days} days"),
    }
}

/// Text of people inside of ours: no sign in it is taken for a style.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\r' => out.push(' '),
            '\\' | '*' | '_' | '`' | '[' | ']' | '<' | '>' | '#' | '~' | '|' | '!' => {
                out.push('\\');
                out.push(letter);
            }
            letter => out.push(letter),
        }
    }
    out
}

fn named(name: Option<&str>) -> String {
    match name {
        Some("") => "somebody".to_owned(),
        Some(name) => plain(name),
        None => OPERATOR.to_owned(),
    }
}

/// What stands on a card.
#[derive(Debug, Clone, Copy)]
pub struct RequestCard<'a> {
    pub artist: &'a str,
    pub kind: &'a str,
    pub subject: &'a str,
    /// Preview, reason and cost; not shown where others read along.
    pub inside: Option<(&'a str, &'a str, Option<Money>)>,
    /// Who asks; nobody = Toney, for a workflow.
    pub asker: Option<&'a str>,
    pub revision: i64,
    pub roles: &'a [Standing],
    pub needed: i64,
    /// Who said yes so far.
    pub yes: &'a [String],
    pub deadline: Option<Time>,
}

/// A request that waits, or the beginning of one that is over.
pub fn request_card(card: &RequestCard<'_>, is_open: bool) -> String {
    let RequestCard {
        artist,
        kind,
        subject,
        inside,
        asker,
        revision,
        roles,
        needed,
        yes,
        deadline,
    } = *card;
    let version = match revision {
        ..=1 => String::new(),
        revision => format!(", version {revision}"),
    };
    let mut text = format!(
        "**{}** for {} ({}{version})",
        plain(subject),
        plain(artist),
        plain(kind)
    );
    if let Some((preview, reason, cost)) = inside {
        if !preview.is_empty() {
            write!(text, "\n\n{preview}").ok();
        }
        if !reason.is_empty() {
            write!(text, "\n\nWhy: {}", plain(reason)).ok();
        }
        if let Some(cost) = cost {
            write!(text, "\n\nIt costs {cost}.").ok();
        }
    }
    if !is_open {
        return text;
    }
    let asker = match asker {
        Some(asker) => format!("{} asks", named(Some(asker))),
        None => "Toney asks for a workflow".to_owned(),
    };
    let roles: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    let who = match needed {
        ..=1 => format!("one {} decides", roles.join(" or ")),
        needed => format!("{needed} of the {}s have to agree", roles.join("s and ")),
    };
    write!(text, "\n\n{asker}; {who}").ok();
    if let Some(deadline) = deadline {
        write!(text, " by {deadline}").ok();
    }
    text.push('.');
    if !yes.is_empty() {
        let names: Vec<String> = yes.iter().map(|name| plain(name)).collect();
        write!(text, " Said yes: {}.", names.join(", ")).ok();
    }
    text
}

/// How a request ended, in a sentence: who, when, what.
pub fn decided(
    decision: Decision,
    (by, at, note): (Option<&str>, Option<Time>, &str),
    by_permission: bool,
) -> String {
    let by = named(by);
    let at = at.map(|at| format!(" on {at}")).unwrap_or_default();
    let note = match note {
        "" => String::new(),
        note => format!("\n\n“{}”", plain(note)),
    };
    match decision {
        Decision::Open => "It waits for a decision.".to_owned(),
        Decision::Approved if by_permission => {
            format!("✅ Approved by the standing permission of {by}{at}.")
        }
        Decision::Approved => format!("✅ Approved by {by}{at}."),
        Decision::Rejected => format!("❌ Rejected by {by}{at}.{note}"),
        Decision::Changes => format!("↩️ Sent back by {by}{at}.{note}"),
        Decision::Expired => format!("⌛ Nobody decided in time; it ended{at}."),
        Decision::Withdrawn => format!("Taken back by {by}{at}."),
    }
}

/// A card of an older version.
pub fn replaced(revision: i64) -> String {
    format!("A newer version was handed in since (version {revision}); look at its card.")
}

/// The later of two hears who was first.
pub fn decided_before(subject: &str, how: &str) -> String {
    format!("“{}” is decided already. {how}", plain(subject))
}

/// A yes that is not enough yet.
pub fn more_needed(left: i64) -> String {
    match left {
        1 => "Noted. One more person has to say yes.".to_owned(),
        left => format!("Noted. {left} more people have to say yes."),
    }
}

/// Whoever asked hears how it ended.
pub fn your_request(subject: &str, how: &str) -> String {
    format!("Your request “{}”: {how}", plain(subject))
}

/// Whoever asked hears that nobody decided in time, and that the artist is asked now.
pub fn escalated(subject: &str) -> String {
    format!(
        "Nobody decided about “{}” in time, so the artist is asked now, too.",
        plain(subject)
    )
}

/// Whoever asked hears that nobody can be reached.
pub fn unreachable(subject: &str) -> String {
    format!(
        "I can't reach anybody who could decide about “{}”. They have to write to me once, or be invited.",
        plain(subject)
    )
}

/// Whoever gave a standing permission hears that it was used.
pub fn permission_used(subject: &str, until: Time) -> String {
    format!(
        "“{}” was approved by your standing permission, which holds until {until}. /approvals grants ends it.",
        plain(subject)
    )
}

/// A line of `/approvals`.
pub fn request_line(number: usize, subject: &str, artist: &str, how: &str) -> String {
    format!(
        "{number}. **{}** for {}: {how}",
        plain(subject),
        plain(artist)
    )
}

/// Above what waits for whoever asks.
pub const WAITS_FOR_YOU: &str = "**Waits for you**";

/// Above what they asked for.
pub const YOU_ASKED: &str = "**You asked for**";

/// Above what was decided of late.
pub const DECIDED_OF_LATE: &str = "**Decided of late**";

/// `/approvals` with a history that is empty.
pub const NO_HISTORY: &str = "Nothing was decided yet.";

/// Above what can be decided.
pub const PERMISSIONS: &str = "**Standing permissions**";

/// A standing permission.
pub fn permission(
    (number, kind): (usize, &str),
    artist: &str,
    (most, by, until): (Option<Money>, &str, Time),
) -> String {
    let most = match most {
        Some(most) => format!(" up to {most} each"),
        None => String::new(),
    };
    format!(
        "{number}. Requests of the kind {} for {}{most}, approved by {} until {until}",
        plain(kind),
        plain(artist),
        named(Some(by))
    )
}

/// Ends a permission, under the list of them.
pub fn end_permission(number: usize) -> String {
    format!("End {number}")
}

/// Shows a request, under the list of them.
pub fn show_request(number: usize) -> String {
    format!("Show {number}")
}

/// `/approvals here`.
pub fn shown_here(artist: &str) -> String {
    format!(
        "Requests for {} are shown here from now on, as far as others may read them. /approvals not here ends it.",
        plain(artist)
    )
}

/// `/approvals not here`.
pub fn not_shown_here(artist: &str) -> String {
    format!("Requests for {} are no longer shown here.", plain(artist))
}

/// `/approvals here` of somebody who works for several.
pub fn which_artist(names: &[String], command: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| plain(name)).collect();
    format!(
        "For whom? Write the name, too: {command} NAME. You work for {}.",
        names.join(", ")
    )
}

/// A line of the details: somebody's word.
pub fn said_about(by: Option<&str>, verb: &str, at: Time, note: &str) -> String {
    let word = match verb {
        "approve" => "said yes",
        "grant" => "said yes, and to all like it for a while",
        "reject" => "said no",
        "change" => "sent it back",
        "withdraw" => "took it back",
        _ => "decided",
    };
    let note = match note {
        "" => String::new(),
        note => format!(": “{}”", plain(note)),
    };
    format!("- {at}: {} {word}{note}", named(by))
}

/// What an approval is bound to.
pub fn bound_to(kind: &str, hash: &str) -> String {
    let short: String = hash.chars().take(16).collect();
    format!("What happens then: `{kind}`, bound to this very content (`{short}`).")
}
