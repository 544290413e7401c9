//! The process that reads one document or table.

use std::process::ExitCode;
use std::time::Duration;

use crate::knowledge::extract;
use crate::money::sheet;

/// What the gateway asks of it.
#[derive(Debug, clap::Args)]
pub(super) struct Order {
    /// What people call the file.
    #[arg(long, default_value = "")]
    name: String,
    /// Uses the reader of PDF that survives whatever it is given.
    #[arg(long)]
    second: bool,
    /// Reads a table, row by row, instead of a text.
    #[arg(long)]
    table: bool,
    /// Processor time.
    #[arg(long, default_value_t = 20)]
    cpu_seconds: u64,
    /// Memory in bytes.
    #[arg(long, default_value_t = 1 << 30)]
    memory: u64,
    /// The largest file in bytes.
    #[arg(long, default_value_t = 64 << 20)]
    file: u64,
    /// The longest text in bytes.
    #[arg(long, default_value_t = 10 << 20)]
    text: u64,
}

/// Does what is asked, as the child.
pub(super) fn child(order: Order) -> ExitCode {
    match order.table {
        true => extract::confined(order.into(), |bytes, out| sheet::write(bytes, out)),
        false => extract::child(order.into()),
    }
}

impl From<Order> for extract::Order {
    fn from(order: Order) -> Self {
        let Order {
            name,
            second,
            table: _,
            cpu_seconds,
            memory,
            file,
            text,
        } = order;
        Self {
            name,
            second,
            limits: extract::Limits {
                // Its parent looks at the clock.
                wall: Duration::MAX,
                cpu: Duration::from_secs(cpu_seconds),
                memory,
                file,
                text,
            },
        }
    }
}
