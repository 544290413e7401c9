//! The store goes away and the process dies around the beginning of a session: nothing is lost that the platform can
//! tell again.

use super::*;

#[tokio::test]
async fn a_session_that_died_before_it_was_noted_loses_no_channel() {
    let mut stage = Stage::new().await;
    let (ann, bob) = (stage.discord.user("ann"), stage.discord.user("bob"));
    let guild = stage.discord.guild("label");
    let quiet = stage.discord.channel(guild, "quiet");
    let general = stage.discord.channel(guild, "general");
    let thread = stage.discord.thread(general, "tour");
    // The store is there before the session begins and away once it has begun.
    stage.memory.goes_away_after(1);
    stage.up().await;
    stage.discord.mentions(ann, general, "one");
    stage.discord.mentions(bob, thread, "two");
    stage.discord.says(bob, general, "among ourselves");
    stage.killed().await;
    stage.memory.is_back();
    stage.restart(|_| {}).await;
    stage.discord.mentions(bob, quiet, "three");
    let mut said = texts(&stage.comes(4).await);
    assert_eq!(said.pop().as_deref(), Some("three"));
    said.sort();
    assert_eq!(said, ["among ourselves", "one", "two"]);
    assert_eq!(stage.discord.identifies().len(), 2);
    stage.down().await;
    stage.clean();
}

#[tokio::test]
async fn a_channel_in_which_nobody_spoke_before_is_read_up_too() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let guild = stage.discord.guild("label");
    let general = stage.discord.channel(guild, "general");
    let studio = stage.discord.channel(guild, "studio");
    stage.up().await;
    stage.discord.mentions(ann, general, "one");
    stage.comes(1).await;
    stage.down().await;
    stage.discord.forget_sessions();
    stage.discord.mentions(ann, studio, "two");
    stage.restart(|_| {}).await;
    assert_eq!(texts(&stage.comes(2).await), ["one", "two"]);
    stage.down().await;
    stage.clean();
}

#[tokio::test]
async fn what_was_said_before_the_first_session_is_nobodys_business() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let guild = stage.discord.guild("label");
    let general = stage.discord.channel(guild, "general");
    stage.discord.mentions(ann, general, "long ago");
    // Longer than clocks may differ.
    stage.clock.advance(Duration::from_secs(3_600));
    stage.up().await;
    stage.discord.mentions(ann, general, "now");
    assert_eq!(texts(&stage.comes(1).await), ["now"]);
    stage.down().await;
    assert_eq!(stage.discord.calls(route::HISTORY).len(), 0);
    stage.clean();
}

#[tokio::test]
async fn a_store_that_is_away_at_the_start_does_not_cost_the_session() {
    let mut stage = Stage::new().await;
    let (ann, cy) = (stage.discord.user("ann"), stage.discord.user("cy"));
    stage.hears_one(ann).await;
    // Nobody can find the chat of somebody who never wrote before: only the session knows it.
    stage.discord.whispers(cy, "two");
    stage.memory.goes_away_after(0);
    stage.start();
    let asked = |d: &sim::Discord| d.calls(route::GATEWAY_BOT).len() == 2;
    assert!(stage.discord.wait_until(SOON, asked).await);
    stage.memory.refuses().await;
    stage.memory.is_back();
    assert_eq!(texts(&stage.comes(2).await), ["one", "two"]);
    assert_eq!(stage.discord.identifies().len(), 1);
    stage.down().await;
    stage.clean();
}

#[tokio::test]
async fn a_gap_is_noted_before_the_session_that_hides_it() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    stage.hears_one(ann).await;
    stage.discord.forget_sessions();
    stage.discord.whispers(ann, "missed");
    stage
        .discord
        .fail(route::HISTORY, When::Always, Kind::Status(500));
    stage.memory.goes_away_after(0);
    stage.start();
    stage.memory.refuses().await;
    stage.memory.is_back();
    assert!(stage.discord.wait_until(SOON, |d| d.connected() == 1).await);
    stage.discord.whispers(ann, "live");
    assert_eq!(texts(&stage.comes(2).await), ["one", "live"]);
    stage.killed().await;
    stage.discord.heal();
    stage.restart(|_| {}).await;
    assert_eq!(texts(&stage.comes(3).await), ["one", "live", "missed"]);
    stage.down().await;
    stage.clean();
}

#[tokio::test]
async fn what_was_answered_is_not_read_again_after_its_key_is_forgotten() {
    let mut stage = Stage::new().await;
    let ann = stage.discord.user("ann");
    let guild = stage.discord.guild("label");
    let general = stage.discord.channel(guild, "general");
    stage.up().await;
    stage.discord.mentions(ann, general, "one");
    stage.comes(1).await;
    let draft = stage.letter(general, "answer");
    stage.adapter.send(&draft.letter()).await.unwrap();
    stage.down().await;
    stage.discord.forget_sessions();
    stage.stored.keys.lock().unwrap().clear();
    stage.restart(|_| {}).await;
    stage.discord.whispers(ann, "two");
    assert_eq!(texts(&stage.comes(2).await), ["one", "two"]);
    stage.down().await;
    stage.clean();
}
