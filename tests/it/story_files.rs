//! Files that people send: kept, too large, gone, and never to be had.

use crate::sim::telegram::{Fault, On, Upload};
use crate::world::World;

#[tokio::test]
async fn files_are_kept_as_they_came() {
    let world = World::new().await;
    let ann = world.friend("ann").await;
    let statement = b"date,amount\n2026-01-01,12".repeat(200);
    let send = |upload: Upload| world.telegram.sends(ann.user, &ann, upload);
    send(Upload::document(
        "statement.csv",
        "text/csv",
        statement.clone(),
    ));
    world.settle().await;
    send(Upload::voice(vec![7; 3_000]));
    world.settle().await;
    send(Upload::photo(vec![8; 100]).caption("is this a good cover?"));
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: <document>
    toney: I kept your document “statement.csv” (4 KB). I only read documents for artists I work for and their managers; whoever runs me can give you a code to join.
    ann: <voice>
    toney: I kept your voice note (2 KB). I can't listen to a recording in this form. A plain voice note works, or MP3, M4A, OGG, FLAC, WAV and MP4.
    ann: <photo> is this a good cover?
    toney: is this a good cover?

    [sent with a photo that you cannot open]
    ");
    let kept = world.read("SELECT path FROM attachments ORDER BY id").await;
    assert_eq!(kept.len(), 3);
    assert_eq!(std::fs::read(&kept[0]).unwrap(), statement);
    assert_eq!(std::fs::read(&kept[1]).unwrap(), vec![7; 3_000]);
    world.finish().await;
}

#[tokio::test]
async fn what_is_too_large_or_gone_is_said() {
    let world = World::with(|w| w.set("TONEY__TURN__MAX_FILE_BYTES", 50_000)).await;
    let ann = world.friend("ann").await;
    let send = |upload: Upload| world.telegram.sends(ann.user, &ann, upload);
    send(Upload::document("film.mov", "video/quicktime", "x").of_size(3 << 30));
    world.settle().await;
    send(Upload::document("a.bin", "application/octet-stream", "x").of_size(50_001));
    world.settle().await;
    world
        .telegram
        .fault(On::method("getFile"), Fault::Status(400));
    send(Upload::document("../../etc/passwd", "text/plain", "gone"));
    world.settle().await;
    send(Upload::document("empty.txt", "text/plain", ""));
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: <document>
    toney: That document is larger than 48 KB, which is the most I can take here. A smaller version or a link works.
    ann: <document>
    toney: That document is larger than 48 KB, which is the most I can take here. A smaller version or a link works.
    ann: <document>
    toney: I couldn't get that document from the platform. Send it once more, please.
    ann: <document>
    toney: I kept your document “empty.txt” (0 bytes). I only read documents for artists I work for and their managers; whoever runs me can give you a code to join.
    ");
    world.finish().await;
}

/// A file that cannot be fetched however often it is tried: the person is told in the end.
#[tokio::test]
async fn who_waits_in_vain_is_told() {
    let mut world = World::with(|w| w.set("TONEY__JOBS__MAX_ATTEMPTS", 2)).await;
    let ann = world.friend("ann").await;
    world
        .telegram
        .fault(On::method("getFile").times(100), Fault::Status(500));
    world
        .telegram
        .sends(ann.user, &ann, Upload::voice(vec![7; 30]));
    world.settle().await;
    world.telegram.clear_faults();
    ann.says("hello?");
    world.settle().await;
    insta::assert_snapshot!(world.sees(&ann), @r"
    ann: <voice>
    toney: Something went wrong on my side with your last message, and trying again didn't help. It is kept, and whoever runs me can see it. Try putting it another way.
    ann: hello?
    toney: hello?
    ");
    world.expect_dead_letters(1);
    world.finish().await;
}
