//! What is said about tips. Everywhere an amount is shown as it is counted.

use crate::model::Money;

/// To whoever pays for something that was never asked for, or too long ago.
pub const TIP_UNKNOWN: &str =
    "I don't know this tip any more. Send /tip and take a new one. Nothing was charged.";

/// To whoever pays a second time.
pub const TIP_PAID: &str =
    "This tip is paid already, thank you! Send /tip for another one. Nothing was charged.";

/// To whoever pays into a jar that is closed.
pub const JAR_CLOSED: &str = "This tip jar is closed at the moment. Nothing was charged.";

/// To whoever pays while the store does not answer.
pub const TILL_AWAY: &str = "I can't write payments down at this moment, so I take none. Nothing was charged; please try again in a minute.";

/// To whoever pays something else than was asked for.
pub fn tip_changed(asked: Money) -> String {
    format!(
        "This tip was over {asked}, not over this amount. Send /tip and take a new one. Nothing was charged."
    )
}

/// The title of an invoice.
pub fn invoice_title(artist: &str) -> String {
    format!("A tip for {artist}")
}

/// The words under it.
pub fn invoice_text(artist: &str) -> String {
    format!("Goes to {artist}. Questions about it: /paysupport. Terms: /terms.")
}

/// On the button that pays.
pub fn pay(gross: Money) -> String {
    format!("Pay {gross}")
}

/// On the button that lets the name of a fan be said, or no longer.
pub const fn public(is_public: bool) -> &'static str {
    if is_public {
        "Don't name me in public"
    } else {
        "You may name me in public"
    }
}

/// After that button.
pub const fn now_public(is_public: bool) -> &'static str {
    if is_public {
        "Good: if this tip is thanked for in public, your name may be said."
    } else {
        "Good: your name will not be said in public."
    }
}

/// With the button that pays.
pub fn tip_ready(gross: Money, artist: &str, message: &str) -> String {
    let mut text = format!("{gross} for **{artist}**: one press and it is theirs.");
    if !message.is_empty() {
        text.push_str(&format!("\n\nWith it goes: \"{message}\""));
    }
    text
}

/// When the address under which to pay could not be had.
pub const TIP_NOT_READY: &str =
    "I couldn't get that payment ready, so nothing was charged. Please try /tip again in a while.";

/// Once it is booked.
pub fn tip_booked(gross: Money, artist: &str) -> String {
    let artist = if artist.is_empty() {
        "the artist"
    } else {
        artist
    };
    format!(
        "Your {gross} reached {artist}. Thank you! If something is wrong with it, /paysupport helps."
    )
}

/// When a payment that takes days has failed.
pub const PAYMENT_FAILED: &str =
    "Your payment did not go through, so nothing was charged. You can try again with /tip.";

/// Where nobody takes tips.
pub const NO_JAR: &str = "Nobody takes tips here yet.";

/// Where the word behind `/tip` is nobody's.
pub fn unknown_jar(word: &str) -> String {
    format!("I know no tip jar called \"{word}\". /tip shows those there are.")
}

/// Where several artists take tips.
pub const WHICH_JAR: &str = "Who is it for?";

/// The jar of an artist, as fans see it.
pub fn jar(artist: &str, is_open: bool, pays_here: bool) -> String {
    match (is_open, pays_here) {
        (false, _) => format!("The tip jar of **{artist}** is closed at the moment."),
        (true, true) => format!(
            "A tip for **{artist}**? Choose an amount, or write `/tip 75` and a few words for them.\n\nDigital thanks only; /terms and /paysupport say the rest."
        ),
        (true, false) => format!("A tip for **{artist}**? Choose how."),
    }
}

/// On the button that leads to where Stars are paid.
pub const WITH_STARS: &str = "Tip with Stars";

/// Where no way to pay is set up.
pub const NO_WAY_TO_PAY: &str = "There is no way to pay set up here yet.";

/// An amount that is none, or too large.
pub fn odd_amount(least: Money, most: Money) -> String {
    format!("A tip is at least {least} and at most {most}. Write for example `/tip 50`.")
}

/// For what needs the team, said by somebody else.
pub const NOT_YOUR_JAR: &str = "Only the artist and their managers can do that.";

/// For what shows money, said where others read along.
pub const TIPS_IN_DIRECT: &str = "That is about money, so write it to me in our direct chat.";

/// The jar, as its artist sees it.
pub struct JarShown<'a> {
    pub artist: &'a str,
    pub slug: &'a str,
    pub is_open: bool,
    pub link: Option<&'a str>,
    pub stars: &'a str,
    pub cards: &'a str,
    pub pages: &'a str,
    pub month: &'a str,
    pub contact: &'a str,
}

/// What `/tip` says to the team.
pub fn jar_of_team(shown: &JarShown<'_>) -> String {
    let JarShown {
        artist,
        slug,
        is_open,
        link,
        stars,
        cards,
        pages,
        month,
        contact,
    } = shown;
    let state = if *is_open { "open" } else { "closed" };
    let mut text = format!("The tip jar of **{artist}** is **{state}**.\n");
    if let Some(link) = link {
        text.push_str(&format!("\nLink for fans: {link}"));
    }
    let none = |text: &str| if text.is_empty() { "none" } else { text }.to_owned();
    text.push_str(&format!(
        "\nWord for fans: `/tip {slug}`\nStars: {stars}\nCards: {}\nPages: {}\nContact for payments: {}\nThis month: {}",
        none(cards),
        none(pages),
        none(contact),
        none(month),
    ));
    text.push_str(
        "\n\nChange it: `/tip open`, `/tip close`, `/tip amounts 50 100 250`, `/tip cards EUR 3 5 10`, \
         `/tip name NAME`, `/tip link WORD`, `/tip terms TEXT`, `/tip contact TEXT`, \
         `/tip kofi https://…` or `/tip buymeacoffee https://…` for a page, \
         the same with the verification token or secret for its webhook. Give back: `/tip refund`.",
    );
    text
}

/// Above the tips of an artist.
pub fn tips_of(artist: &str, is_open: bool) -> String {
    let state = if is_open { "open" } else { "closed" };
    format!("**Tips for {artist}** (the jar is {state})")
}

/// What people call a way by which tips come.
pub const fn tip_provider(provider: &str) -> &str {
    match provider.as_bytes() {
        b"stars" => "Stars",
        b"stripe" => "Card (Stripe)",
        b"kofi" => "Ko-fi",
        b"buymeacoffee" => "Buy Me a Coffee",
        _ => provider,
    }
}

/// The tips of one month, provider and currency: given, what is left, and what went away between the two.
pub fn tips_line(
    (month, provider, count): (&str, &str, i64),
    (gross, net): (Money, Money),
    [fee, refunded, lost]: [Money; 3],
) -> String {
    let tips = if count == 1 { "tip" } else { "tips" };
    let mut text = format!(
        "- {month}, {}: {count} {tips}, **{gross}**",
        tip_provider(provider)
    );
    for (word, money) in [("fees", fee), ("given back", refunded), ("disputed", lost)] {
        if money.minor != 0 {
            text.push_str(&format!(", {word} {money}"));
        }
    }
    if gross != net {
        text.push_str(&format!(", {net} left"));
    }
    text
}

/// Below the months.
pub fn tips_in_all(total: &str) -> String {
    format!("Left in all: **{total}**.")
}

/// There are none.
pub const NO_TIPS_THEN: &str = "No tips in that time.";

/// Where fans give.
pub fn tip_link(link: &str) -> String {
    format!("Link for fans: {link}")
}

/// Another place where fans give.
pub fn tip_page(name: &str, url: &str) -> String {
    format!("{}: {url}", tip_provider(name))
}

/// After a change of the jar.
pub const JAR_CHANGED: &str = "Done.";

/// Where a change is not understood.
pub fn jar_wants(what: &str) -> String {
    format!("I need it like this: `{what}`")
}

/// Where the word for a link belongs to another artist.
pub fn slug_taken(slug: &str) -> String {
    format!("The word \"{slug}\" belongs to another artist here. Take another one.")
}

/// Once the secret of a webhook is kept.
pub fn tip_secret_kept(provider: &str) -> String {
    format!(
        "I keep that sealed and will believe webhooks of {provider} that it proves. I took your message away where I could; delete it if it still stands."
    )
}

/// Once it is forgotten.
pub fn tip_secret_dropped(provider: &str) -> String {
    format!("I forgot the page and the secret of {provider}.")
}

/// Where a message with a secret could not be taken away.
pub const SECRET_TO_DELETE: &str =
    "I could not take your message with the secret away; please delete it.";

/// Above the tips that can be given back.
pub const REFUND_WHICH: &str = "Which tip shall I give back? Cards and pages are given back at the provider; I hear of it from there.";

/// Where there is none.
pub const NOTHING_TO_REFUND: &str = "There is no tip in Stars that could be given back.";

/// Before it is given back.
pub fn refund_sure(gross: Money, name: &str) -> String {
    format!(
        "Give {gross} back to {}? The whole tip goes back; it cannot be undone.",
        whom(name)
    )
}

/// On the buttons under it.
pub const REFUND_YES: &str = "Give it back";
pub const REFUND_NO: &str = "Keep it";

/// After the second of them.
pub const REFUND_KEPT: &str = "Nothing was given back.";

/// While it is given back.
pub const REFUND_ORDERED: &str = "I give it back now and tell you when it is done.";

/// Once it was given back.
pub fn given_back(gross: Money, name: &str) -> String {
    format!("{gross} went back to {}.", whom(name))
}

fn whom(name: &str) -> &str {
    if name.is_empty() { "the fan" } else { name }
}

/// Where it was not.
pub const REFUND_FAILED: &str =
    "I could not give that tip back. It is as it was; please try again later with /tip refund.";

/// Where it cannot be given back from here.
pub const REFUND_NOT_HERE: &str = "That tip cannot be given back from here: it went back already, is disputed, or was paid elsewhere.";

/// Where it is not known.
pub const TIP_GONE: &str = "I don't know that tip any more.";

/// On the button of a tip that can be given back.
pub fn tip_line(gross: Money, name: &str, day: &str) -> String {
    format!("{gross} from {}, {day}", whom(name))
}

/// `/terms`.
pub fn terms(artist: &str, own: &str, contact: &str) -> String {
    let artist = if artist.is_empty() {
        "the artist"
    } else {
        artist
    };
    let own = if own.is_empty() {
        String::new()
    } else {
        format!("\n\n{own}")
    };
    format!(
        "**Terms for tips**\n\nA tip is a voluntary gift to {artist}. Nothing is sold with it: you get no goods and no services, only thanks. \
         It is paid once, at the amount that you choose.\n\nPaid by mistake, or not by you? Write /paysupport and what happened. \
         {artist} decides about refunds and answers you; Stars go back to your account.{own}\n\nContact: {}",
        contact_or(contact)
    )
}

/// `/paysupport` without words.
pub fn paysupport(artist: &str, contact: &str) -> String {
    let artist = if artist.is_empty() {
        "the artist"
    } else {
        artist
    };
    format!(
        "Something wrong with a payment? Write `/paysupport` and what happened in one message: I bring it to the team of {artist}, who can give Stars back.\n\nContact: {}\n\nThe chat platform itself cannot help with payments to bots.",
        contact_or(contact)
    )
}

/// After words behind it.
pub fn support_asked(artist: &str, contact: &str) -> String {
    format!(
        "I brought it to the team of {artist}. They will answer you. If it takes too long: {}",
        contact_or(contact)
    )
}

/// Where nobody of the team can be reached.
pub fn support_alone(contact: &str) -> String {
    format!(
        "I can't reach anybody of the team in a chat. Please write to them: {}",
        contact_or(contact)
    )
}

/// What the team reads.
pub fn support_request(name: &str, words: &str, tips: &str) -> String {
    let quoted = words
        .lines()
        .map(|line| format!("> {line}\n"))
        .collect::<String>();
    let tips = if tips.is_empty() {
        "none that I know"
    } else {
        tips
    };
    format!(
        "**{}** asks for help with a payment:\n\n{quoted}\nTheir last tips: {tips}\n\n/tip refund gives Stars back.",
        whom(name)
    )
}

fn contact_or(contact: &str) -> &str {
    if contact.is_empty() {
        "write /paysupport and your question in one message"
    } else {
        contact
    }
}
