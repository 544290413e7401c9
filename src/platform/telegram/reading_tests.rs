use serde_json::{Value, json};

use super::*;
use crate::model::{File, MediaKind, Time};

fn reader() -> Reader {
    Reader {
        bot: "main".into(),
        platform: "telegram".into(),
        me: Me {
            id: 9000,
            username: "OurBot".to_owned(),
        },
        clock: Clock::manual(Time::from_ms(77)),
    }
}

fn read(update: &Value) -> Reading {
    reader().read(&update.to_string())
}

/// An update with a message of ann in her private chat.
fn direct(fields: Value) -> Value {
    let mut message = json!({
        "message_id": 41, "date": 1_700_000_000,
        "chat": {"id": 1001, "type": "private", "first_name": "Ann"},
        "from": {"id": 1001, "is_bot": false, "first_name": "Ann", "last_name": "A", "language_code": "de"},
    });
    merge(&mut message, fields);
    json!({"update_id": 500, "message": message})
}

/// An update with a message of bob in a supergroup.
fn group(fields: Value) -> Value {
    let mut message = json!({
        "message_id": 42, "date": 1_700_000_000,
        "chat": {"id": -1_001_000_000_002_i64, "type": "supergroup", "title": "Band"},
        "from": {"id": 2001, "is_bot": false, "first_name": "Bob"},
    });
    merge(&mut message, fields);
    json!({"update_id": 501, "message": message})
}

fn merge(message: &mut Value, fields: Value) {
    let Value::Object(fields) = fields else {
        panic!("an object is expected");
    };
    message.as_object_mut().unwrap().extend(fields);
}

fn what(update: &Value) -> What {
    read(update).inbound.expect("it says something").what
}

fn text(text: &str) -> What {
    What::Text {
        text: text.to_owned(),
    }
}

fn command(name: &str, args: &str) -> What {
    What::Command {
        name: name.to_owned(),
        args: args.to_owned(),
    }
}

#[test]
fn words_in_a_direct_chat() {
    let reading = read(&direct(json!({"text": "Hel\0lo 🎵"})));
    let inbound = reading.inbound.unwrap();
    assert_eq!(inbound.key, "telegram:main:500");
    assert_eq!(inbound.address.to_string(), "telegram:main:1001");
    assert_eq!(inbound.setting, Setting::Direct);
    assert_eq!(inbound.sender.user.as_str(), "1001");
    assert_eq!(inbound.sender.name, "Ann A");
    assert_eq!(inbound.sender.language.as_deref(), Some("de"));
    assert_eq!(inbound.at, Time::from_ms(1_700_000_000_000));
    assert_eq!(inbound.order, 500);
    assert!(inbound.addressed);
    assert_eq!(inbound.message, Some(model::Message::new(41)));
    assert_eq!(inbound.what, text("Hello 🎵"));
    assert_eq!(reading.id, Some(41));
    assert_eq!(reading.update, Some(500));
}

#[test]
fn commands() {
    assert_eq!(
        what(&direct(json!({"text": "/Start inv_12"}))),
        command("start", "inv_12")
    );
    assert_eq!(what(&direct(json!({"text": "/why"}))), command("why", ""));
    assert_eq!(
        what(&direct(json!({"text": "/usr/bin is a path"}))),
        text("/usr/bin is a path")
    );
    assert_eq!(
        what(&group(json!({"text": "/why@ourbot  now\nand then"}))),
        command("why", "now\nand then")
    );
    let bare = read(&group(json!({"text": "/why"}))).inbound.unwrap();
    assert!(bare.addressed);
    assert!(
        read(&group(json!({"text": "/why@OtherBot"})))
            .inbound
            .is_none()
    );
}

#[test]
fn a_group_is_heard_and_only_a_mention_or_reply_addresses_us() {
    let plain = read(&group(json!({"text": "hello"}))).inbound.unwrap();
    assert_eq!((plain.addressed, plain.setting), (false, Setting::Group));

    // The emoji before the mention counts two units.
    let entities = json!([{"type": "mention", "offset": 3, "length": 7}]);
    let named = read(&group(
        json!({"text": "🎵 @ourbot plays", "entities": entities}),
    ))
    .inbound
    .unwrap();
    assert!(named.addressed);
    assert_eq!(named.what, text("🎵 @ourbot plays"));

    let entities = json!([{"type": "mention", "offset": 0, "length": 7}]);
    let led = read(&group(
        json!({"text": "@OurBot, what now?", "entities": entities}),
    ))
    .inbound
    .unwrap();
    assert!(led.addressed);
    assert_eq!(led.what, text("what now?"));

    let entities =
        json!([{"type": "text_mention", "offset": 0, "length": 5, "user": {"id": 9000}}]);
    let linked = read(&group(json!({"text": "Toney /why", "entities": entities})))
        .inbound
        .unwrap();
    assert_eq!(linked.what, command("why", ""));

    let entities = json!([{"type": "mention", "offset": 1, "length": 900}, {"type": 7}]);
    assert!(
        !read(&group(json!({"text": "🎵", "entities": entities})))
            .inbound
            .unwrap()
            .addressed
    );

    let ours = json!({"message_id": 40, "from": {"id": 9000, "is_bot": true}});
    let reply = read(&group(json!({"text": "yes", "reply_to_message": ours})))
        .inbound
        .unwrap();
    assert!(reply.addressed);
    assert_eq!(reply.reply_to, Some(model::Message::new(40)));
    let theirs = json!({"message_id": 40, "from": {"id": 3001}});
    assert!(
        !read(&group(json!({"text": "yes", "reply_to_message": theirs})))
            .inbound
            .unwrap()
            .addressed
    );
}

#[test]
fn a_topic_is_a_thread_and_its_root_is_not_answered() {
    let root = json!({"message_id": 7, "from": {"id": 9000}, "forum_topic_created": {"name": "x"}});
    let said = json!({"text": "hi", "message_thread_id": 7, "is_topic_message": true, "reply_to_message": root});
    let inbound = read(&group(said)).inbound.unwrap();
    assert_eq!(
        inbound.address.to_string(),
        "telegram:main:-1001000000002:7"
    );
    assert_eq!((inbound.reply_to, inbound.addressed), (None, false));
    // A reply in a plain group carries a thread that is none.
    let inbound = read(&group(json!({"text": "hi", "message_thread_id": 7})))
        .inbound
        .unwrap();
    assert_eq!(inbound.address.thread, None);
}

#[test]
fn files() {
    let document = json!({"file_id": "D", "file_name": "a.pdf", "mime_type": "application/pdf", "file_size": 12});
    let expected =
        |media, handle: &str, name: Option<&str>, mime: &str, size, caption: &str| What::Media {
            media,
            file: File {
                handle: handle.to_owned(),
                name: name.map(str::to_owned),
                mime: Some(mime.to_owned()),
                size,
                seconds: None,
            },
            caption: caption.to_owned(),
        };
    assert_eq!(
        what(&direct(json!({"document": document, "caption": "see"}))),
        expected(
            MediaKind::Document,
            "D",
            Some("a.pdf"),
            "application/pdf",
            Some(12),
            "see"
        )
    );
    assert_eq!(
        what(&direct(json!({"voice": {"file_id": "V"}}))),
        expected(MediaKind::Voice, "V", None, "audio/ogg", None, "")
    );
    for kind in ["voice", "video_note", "audio"] {
        let lasts = what(&direct(json!({kind: {"file_id": "V", "duration": 2}})));
        let What::Media { file, .. } = lasts else {
            panic!("no file: {lasts:?}");
        };
        assert_eq!(file.seconds, Some(2), "{kind}");
    }
    assert_eq!(
        what(&direct(json!({"video_note": {"file_id": "R"}}))),
        expected(MediaKind::Voice, "R", None, "video/mp4", None, "")
    );
    let photo = json!([
        {"file_id": "s", "width": 90, "height": 90, "file_size": 100},
        {"file_id": "m", "width": 900, "height": 900, "file_size": 5000},
        {"file_id": "l", "width": 9000, "height": 9000, "file_size": 30_000_000},
    ]);
    assert_eq!(
        what(&direct(json!({"photo": photo}))),
        expected(MediaKind::Photo, "m", None, "image/jpeg", Some(5000), "")
    );
    for kind in ["audio", "video", "animation"] {
        let mut fields = serde_json::Map::new();
        fields.insert(kind.to_owned(), json!({"file_id": kind}));
        let What::Media { media, file, .. } = what(&direct(Value::Object(fields))) else {
            panic!("{kind} is a file");
        };
        assert_eq!((media, file.handle.as_str()), (MediaKind::Document, kind));
    }
    let asked = read(&group(
        json!({"document": {"file_id": "D"}, "caption": "/write@OurBot this"}),
    ));
    assert!(asked.inbound.unwrap().addressed);
}

#[test]
fn what_has_no_words_gets_some() {
    assert_eq!(
        what(&direct(json!({"sticker": {"file_id": "S", "emoji": "🙂"}}))),
        text("[sticker 🙂]")
    );
    assert_eq!(
        what(&direct(json!({"dice": {"emoji": "🎲", "value": 3}}))),
        text("[dice 🎲]")
    );
    assert_eq!(
        what(&direct(
            json!({"location": {"latitude": 1.5, "longitude": 2.5}})
        )),
        text("[location]")
    );
    assert_eq!(
        what(&direct(json!({"contact": {"phone_number": "1"}}))),
        text("[contact]")
    );
    assert_eq!(what(&direct(json!({"poll": {"id": "1"}}))), text("[poll]"));
}

#[test]
fn rich_words_are_read_as_plain_ones() {
    let rich = json!({"blocks": [
        {"type": "heading", "text": "Plan", "size": 1},
        {"type": "paragraph", "text": ["for ", {"type": "bold", "text": "May"}, {"type": "url", "text": " here", "url": "http://x"}]},
        {"type": "list", "items": [{"label": "1", "blocks": [{"type": "paragraph", "text": "ask @OurBot"}]}]},
    ]});
    let inbound = read(&group(json!({"rich_message": rich}))).inbound.unwrap();
    assert!(inbound.addressed);
    assert_eq!(inbound.what, text("Plan\nfor May here\nask @OurBot"));
}

#[test]
fn what_nobody_meant_for_us_is_skipped() {
    let skipped = [
        direct(json!({})),
        group(json!({"new_chat_members": [{"id": 9000}]})),
        group(json!({"pinned_message": {"message_id": 1, "date": 0, "chat": {"id": 1}}})),
        group(json!({"from": {"id": 4001, "is_bot": true, "first_name": "Else"}, "text": "hi"})),
        group(
            json!({"is_automatic_forward": true, "sender_chat": {"id": -1, "type": "channel"}, "text": "hi"}),
        ),
        direct(json!({"business_connection_id": "b", "text": "hi"})),
        json!({"update_id": 3, "chat_boost": {}}),
        json!({"update_id": 3, "something_new": {"text": "hi"}}),
        json!({"update_id": 3, "message": "nonsense"}),
        json!({"update_id": 3, "message": {"message_id": "x"}}),
        json!({"update_id": 3, "edited_message": 5}),
        json!({"update_id": 3, "callback_query": {"from": 1}}),
        json!({"update_id": 3, "my_chat_member": {}}),
        json!({"update_id": 3}),
    ];
    for update in skipped {
        let reading = read(&update);
        assert_eq!(reading.inbound, None, "{update}");
        assert!(reading.update.is_some(), "{update}");
    }
    // Half a letter (a lone surrogate) is no text; a kind given twice is no update.
    for raw in [
        r#"{"update_id":7,"message":{"message_id":1,"chat":{"id":1,"type":"private"},"from":{"id":1},"text":"\ud83d"}}"#,
        r#"{"update_id":7,"message":1,"message":2}"#,
    ] {
        let reading = reader().read(raw);
        assert_eq!((reading.update, reading.inbound), (Some(7), None), "{raw}");
    }
    for raw in ["", "[]", "{\"update_id\":", "{\"update_id\":\"7\"}", "null"] {
        assert_eq!(reader().read(raw).update, None, "{raw}");
    }
}

#[test]
fn an_anonymous_admin_speaks_as_the_group() {
    let placeholder = json!({"id": 1_087_968_824, "is_bot": true, "first_name": "Group"});
    let chat = json!({"id": -1_001_000_000_002_i64, "type": "supergroup", "title": "Band"});
    let inbound = read(&group(
        json!({"from": placeholder, "sender_chat": chat, "text": "/help"}),
    ))
    .inbound;
    let sender = inbound.unwrap().sender;
    assert_eq!(
        (sender.user.as_str(), sender.name.as_str()),
        ("-1001000000002", "Band")
    );
}

#[test]
fn a_press() {
    let update = |message: Value| {
        json!({"update_id": 8, "callback_query": {
            "id": "77", "chat_instance": "1", "data": "yes:1",
            "from": {"id": 2001, "first_name": "Bob"}, "message": message,
        }})
    };
    let card = json!({"message_id": 55, "date": 5, "chat": {"id": -1_001_000_000_002_i64, "type": "supergroup"},
        "message_thread_id": 7, "is_topic_message": true, "text": "x"});
    let reading = read(&update(card));
    assert_eq!(reading.press.as_deref(), Some("77"));
    let inbound = reading.inbound.unwrap();
    assert_eq!(
        inbound.address.to_string(),
        "telegram:main:-1001000000002:7"
    );
    assert_eq!(
        (inbound.at, inbound.order, inbound.addressed),
        (Time::from_ms(77), 8, true)
    );
    assert_eq!(inbound.message, Some(model::Message::new(55)));
    let expected = What::Press {
        data: "yes:1".to_owned(),
        values: Vec::new(),
        card: Some(model::Message::new(55)),
    };
    assert_eq!(inbound.what, expected);

    let inaccessible =
        json!({"message_id": 55, "date": 0, "chat": {"id": 2001, "type": "private"}});
    assert_eq!(read(&update(inaccessible)).inbound.unwrap().what, expected);

    // Nothing can be made of it, but the button must not go on turning.
    let nowhere = read(&update(Value::Null));
    assert_eq!(
        (nowhere.inbound, nowhere.press),
        (None, Some("77".to_owned()))
    );
}

#[test]
fn an_edit() {
    let mut update = direct(json!({"text": "better", "edit_date": 1_700_000_009}));
    let message = update.as_object_mut().unwrap().remove("message").unwrap();
    update
        .as_object_mut()
        .unwrap()
        .insert("edited_message".to_owned(), message);
    let inbound = read(&update).inbound.unwrap();
    assert_eq!(
        inbound.what,
        What::Edited {
            text: "better".to_owned()
        }
    );
    assert_eq!(inbound.message, Some(model::Message::new(41)));
}

#[test]
fn a_change_of_standing() {
    let change = |member: Value| {
        let update = json!({"update_id": 9, "my_chat_member": {
            "chat": {"id": 1001, "type": "private"}, "from": {"id": 1001, "first_name": "Ann"}, "date": 4,
            "old_chat_member": {"status": "member"}, "new_chat_member": member,
        }});
        let What::Membership { change } = what(&update) else {
            panic!("a membership is expected");
        };
        change
    };
    assert_eq!(change(json!({"status": "kicked"})), Membership::Gone);
    assert_eq!(change(json!({"status": "left"})), Membership::Gone);
    assert_eq!(
        change(json!({"status": "restricted", "is_member": true, "can_send_messages": false})),
        Membership::Gone
    );
    assert_eq!(
        change(json!({"status": "restricted", "is_member": true, "can_send_messages": true})),
        Membership::Back
    );
    assert_eq!(change(json!({"status": "member"})), Membership::Back);
    assert_eq!(change(json!({"status": "administrator"})), Membership::Back);
}

#[test]
fn a_group_that_moves() {
    let update = json!({"update_id": 9, "message": {
        "message_id": 3, "date": 4, "chat": {"id": -77, "type": "group"},
        "from": {"id": 2001, "first_name": "Bob"}, "migrate_to_chat_id": -1_001_000_000_077_i64,
    }});
    let to = model::Chat::new(-1_001_000_000_077_i64);
    assert_eq!(what(&update), What::Migrated { to });
}

#[test]
fn money_is_read_even_from_a_message_nobody_understands() {
    let paid = json!({"currency": "XTR", "total_amount": 50, "invoice_payload": "tip:1",
        "telegram_payment_charge_id": "ch_1", "provider_payment_charge_id": ""});
    let payment = What::Payment {
        payment: Payment {
            charge: "ch_1".to_owned(),
            amount: 50,
            currency: "XTR".to_owned(),
            payload: "tip:1".to_owned(),
        },
    };
    assert_eq!(what(&direct(json!({"successful_payment": paid}))), payment);
    let broken = direct(
        json!({"successful_payment": paid, "chat": {"id": 1001, "type": 5}, "message_id": "odd"}),
    );
    let inbound = read(&broken).inbound.unwrap();
    assert_eq!(inbound.what, payment);
    assert_eq!(inbound.address.to_string(), "telegram:main:1001");
    assert_eq!(inbound.sender.user.as_str(), "1001");
}

#[test]
fn a_checkout_waits_for_a_quick_answer() {
    let reading =
        read(&json!({"update_id": 9, "pre_checkout_query": {"id": "q", "from": {"id": 1}}}));
    let (id, checkout) = ("q".to_owned(), None);
    assert_eq!(reading.asking, Some(Asking { id, checkout }));
    assert_eq!(reading.inbound, None);
    let whole = json!({"update_id": 9, "pre_checkout_query": {"id": "q", "from": {"id": 1},
        "currency": "XTR", "total_amount": 50, "invoice_payload": "tip:1"}});
    let checkout = Checkout {
        payer: model::User::new(1),
        amount: 50,
        currency: "XTR".to_owned(),
        payload: "tip:1".to_owned(),
    };
    let asking = read(&whole).asking.unwrap();
    assert_eq!(asking.checkout, Some(checkout));
}

#[test]
fn money_that_goes_back_is_told_apart() {
    let paid = json!({"currency": "XTR", "total_amount": 50, "invoice_payload": "tip:1",
        "telegram_payment_charge_id": "ch_1"});
    let update = direct(json!({"refunded_payment": paid}));
    let What::Refunded { payment } = what(&update) else {
        panic!("no refund");
    };
    assert_eq!((payment.charge.as_str(), payment.amount), ("ch_1", 50));
    let odd = json!({"total_amount": "many", "telegram_payment_charge_id": "ch_2"});
    let What::Payment { payment } = what(&direct(json!({"successful_payment": odd}))) else {
        panic!("no payment");
    };
    assert_eq!((payment.charge.as_str(), payment.amount), ("ch_2", 0));
}

proptest::proptest! {
    #[test]
    fn no_text_and_no_entities_break_it(text in ".{0,40}", offset in 0usize..50, length in 0usize..50) {
        let entities = json!([{"type": "mention", "offset": offset, "length": length}]);
        let reading = read(&group(json!({"text": text, "entities": entities})));
        proptest::prop_assert_eq!(reading.update, Some(501));
    }
}
