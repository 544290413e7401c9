//! Where requests are shown: groups that move, chats that are gone.

use toney::model::phrases;

use super::Cast;
use crate::sim::telegram::Place;
use crate::world::{Engine, on_both};

on_both! {
    a_group_sees_what_it_may_and_may_move
    a_chat_that_is_gone_holds_nothing_up
}

async fn a_group_sees_what_it_may_and_may_move(engine: Engine) {
    let cast = Cast::on(engine).await;
    let Cast {
        world, ann, ben, ..
    } = &cast;
    let group = world.telegram.group("Team");
    ben.says_in(group, "/approvals here");
    world.settle().await;
    let seen = world.sees(group);
    assert!(
        seen.contains("Requests for Ann are shown here from now on"),
        "{seen}"
    );
    cast.hands_in("Night Drive").await;
    let seen = world.sees(group);
    assert!(
        seen.contains("Release “Night Drive” for Ann (release)"),
        "{seen}"
    );
    assert!(
        !seen.contains("files.example"),
        "what is inside stays private: {seen}"
    );
    // The group becomes another chat; what stands in the old one cannot be edited there any more.
    let new = world.telegram.migrate_to_supergroup(ben.user, group);
    world.settle().await;
    cast.all_read();
    ben.presses(phrases::APPROVE);
    world.settle().await;
    let seen = world.sees(new);
    assert!(seen.contains("✅ Approved by ben on "), "{seen}");
    // The next one goes to where the group is now.
    cast.hands_in("Second").await;
    let seen = world.sees(new);
    assert!(
        seen.contains("Release “Second” for Ann") && seen.contains("[Approve]"),
        "{seen}"
    );
    world.telegram.presses_last(ben.user, new, phrases::APPROVE);
    world.settle().await;
    assert!(world.sees(new).contains("✅ Approved by ben on "));
    assert_eq!(cast.states().await, ["approved", "approved"]);
    ben.says_in(new, "/approvals");
    world.settle().await;
    assert!(world.sees(new).contains(phrases::REQUESTS_IN_GROUP));
    let old = Place::from(group);
    world.sees(old);
    world.sees(ann);
    cast.all_read();
    cast.world.finish().await;
}

async fn a_chat_that_is_gone_holds_nothing_up(engine: Engine) {
    let cast = Cast::on(engine).await;
    cast.hands_in("Night Drive").await;
    cast.all_read();
    cast.world.telegram.blocks(cast.ben.user);
    cast.world.settle().await;
    cast.world
        .discord
        .press(cast.mia, cast.at_mia, phrases::APPROVE);
    let states = "SELECT state FROM releases";
    cast.world.until_stored(states, &["approved"]).await;
    cast.world.settle().await;
    assert_eq!(cast.states().await, ["approved"]);
    assert!(cast.mia_sees().0.contains("✅ Approved by mia"));
    assert_eq!(cast.done().await, 1);
    // The next one goes to whoever is left.
    cast.hands_in("Second").await;
    assert!(cast.mia_sees().0.contains("Release “Second”"));
    cast.all_read();
    cast.world.finish().await;
}
