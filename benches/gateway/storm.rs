//! One person floods; everybody else should hardly notice.

use std::time::Duration;

use super::load::{self, Heard, Line, percentile};
use super::options::Options;
use super::plain::Order;
use super::report::{Part, Row, ms, ratio};
use super::stage::{Bot, Stage};
use crate::sim::dice::Dice;

const PATIENCE: Duration = Duration::from_secs(60);
/// The one who sends half of everything.
const FLOODER: usize = 0;

pub async fn measure(options: &Options) -> Part {
    let mut part = Part::new("Storm");
    let people = options.amount(2000, 300);
    let half = options.amount(10_000, 1000);
    let rate = options.storm_rate;
    let mut bots = vec![Bot::Plain(Order::PerChat), Bot::Toney];
    bots.extend((!options.sqlite).then_some(Bot::Shared));
    let mut plain = String::new();
    for bot in bots {
        let calm = others(&run(bot, people, &lines(options.seed, people, half, rate, false)).await);
        let heard = run(bot, people, &lines(options.seed, people, half, rate, true)).await;
        let storm = others(&heard);
        let ratio = ratio(storm, calm);
        let figure = format!("{} → {}", ms(calm), ms(storm));
        part.note(format!(
            "{}: {figure} ({ratio:.2} ×); {}",
            bot.name(),
            heard.0.faults()
        ));
        if let Bot::Plain(_) = bot {
            plain = format!("{figure} ({ratio:.2} ×)");
            continue;
        }
        part.row(Row {
            what: format!("p95 of the others, calm → storm; {}", bot.name()),
            plain: plain.clone(),
            ours: figure,
            ratio: Some(ratio),
            target: "≤ 2 × calm; nothing lost, order kept",
            met: Some(ratio <= 2.0 && heard.0.is_whole()),
        });
    }
    part.note(format!(
        "{} messages of {people} people, half of them of one; the others write {rate} a second, the model takes 0 ms; every message gets its own answer; the ratio is to the same bot's own calm",
        2 * half
    ));
    part
}

/// The same lines of the others with and without the flooder, who writes as many in the same time.
fn lines(seed: u64, people: usize, half: usize, rate: usize, flood: bool) -> Vec<Line> {
    let mut dice = Dice::new(seed);
    let calm = load::evenly(&mut dice, people - 1, half, rate);
    let mut lines = Vec::with_capacity(2 * half);
    for Line { at, person } in calm {
        lines.push(Line {
            at,
            person: person + 1,
        });
        if flood {
            lines.push(Line {
                at,
                person: FLOODER,
            });
        }
    }
    lines
}

async fn run(bot: Bot, people: usize, lines: &[Line]) -> (Heard, Vec<Duration>) {
    let mut stage = Stage::new(people, Duration::ZERO).await;
    let program = stage.cast(bot).await;
    stage.start(&program).await;
    let said = load::speak(&stage, lines, 1).await;
    let heard = load::listen(&stage, &said, PATIENCE).await;
    if !heard.is_whole() && !matches!(bot, Bot::Plain(_)) {
        println!("   log: {}", program.keep_log("storm").display());
    }
    let of_others = said.iter().filter(|s| s.person != FLOODER);
    let times = of_others
        .filter_map(|s| heard.took.get(&s.number).copied())
        .collect();
    (heard, times)
}

fn others((_, times): &(Heard, Vec<Duration>)) -> Duration {
    percentile(times.clone(), 0.95)
}
