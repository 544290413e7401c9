//! The measurements of the gateway; each file is one, and returns a part of the table.

mod events;
mod feel;
mod history;
mod load;
mod memory;
mod options;
mod plain;
mod report;
mod seed;
mod size;
mod stage;
mod start;
mod storm;
mod talk;

use std::time::Instant;

use clap::Parser;

use options::Options;
use report::Part;

/// Does what the command line asks for.
pub async fn run() {
    let options = Options::parse();
    if let Some(order) = options.plain {
        return plain::run(order).await;
    }
    let mut parts = Vec::new();
    // Each measurement begins when it is wanted, and one after the other, since they share the machine.
    macro_rules! measure {
        ($($name:literal => $work:expr;)*) => {$(
            if options.wants($name) {
                println!("== {}", $name);
                let begun = Instant::now();
                let part: Part = Box::pin($work).await;
                println!("{}\n({:.0} s)\n", part.markdown(), begun.elapsed().as_secs_f64());
                parts.push(part);
            }
        )*};
    }
    measure! {
        "size" => size::stripped();
        "start" => start::measure(&options);
        "talk" => talk::overhead(&options);
        "throughput" => talk::throughput(&options);
        "storm" => storm::measure(&options);
        "feel" => feel::measure(&options);
        "events" => events::measure(&options);
        "memory" => memory::measure(&options);
        "history" => history::measure(&options);
        "build" => size::build();
    }
    if options.record {
        let arguments: Vec<String> = std::env::args()
            .skip(1)
            .filter(|a| a != "--bench" && a != "--record")
            .collect();
        let command = format!("cargo bench --bench gateway -- {}", arguments.join(" "));
        let circumstances = report::circumstances(command.trim_end_matches(" -- "));
        for part in &parts {
            let text = format!("{circumstances}\n\n{}", part.markdown());
            report::record(part.name, &text);
        }
    }
}
