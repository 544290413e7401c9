//! Redis as more than one process: a cluster of three masters, and a master with a sentinel.

use std::fs;
use std::time::{Duration, Instant};

use tokio::process::Command;

use super::daemon::{Daemon, Folder, free_port};
use super::{Redis, ping};

/// Three masters that share the slots.
pub struct Cluster {
    pub nodes: Vec<Redis>,
}

impl Cluster {
    pub async fn start() -> Self {
        let mut nodes = Vec::new();
        for _ in 0..3 {
            // Without it the bus takes a port from the range of outgoing connections.
            let bus = free_port().to_string();
            nodes.push(
                Redis::with(&[
                    "--save",
                    "",
                    "--cluster-enabled",
                    "yes",
                    "--cluster-port",
                    &bus,
                ])
                .await,
            );
        }
        let mut create = Command::new("redis-cli");
        create.args(["--cluster", "create"]);
        create.args(nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)));
        create.args(["--cluster-replicas", "0", "--cluster-yes"]);
        let done = create.output().await.expect("redis-cli");
        assert!(
            done.status.success(),
            "no cluster: {}{}",
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        );
        let cluster = Self { nodes };
        cluster.whole().await;
        cluster
    }

    /// Waits until every node knows of every slot.
    pub async fn whole(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        for node in &self.nodes {
            loop {
                let mut info = Command::new("redis-cli");
                info.args(["-p", &node.port.to_string(), "cluster", "info"]);
                let said = info.output().await.expect("redis-cli").stdout;
                if String::from_utf8_lossy(&said).contains("cluster_state:ok") {
                    break;
                }
                assert!(Instant::now() < deadline, "the cluster never became whole");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// For `REDIS_URL`.
    pub fn url(&self) -> String {
        let hosts: Vec<_> = self
            .nodes
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.port))
            .collect();
        format!("redis+cluster://{}", hosts.join(","))
    }
}

/// A master and the sentinel that knows it as `mymaster`.
pub struct Watched {
    pub master: Redis,
    port: u16,
    _sentinel: Daemon,
}

impl Watched {
    pub async fn start() -> Self {
        let master = Redis::start().await;
        let (folder, port) = (Folder::new(None), free_port());
        let file = folder.path.join("sentinel.conf");
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor mymaster 127.0.0.1 {} 1\n",
            folder.path.display(),
            master.port
        );
        fs::write(&file, text).expect("a configuration");
        let arguments = vec![file.display().to_string(), "--sentinel".to_owned()];
        let sentinel = Daemon::new(folder, None, "redis-server".into(), arguments);
        sentinel
            .start(async || ping(port).await.unwrap_or(false))
            .await;
        Self {
            master,
            port,
            _sentinel: sentinel,
        }
    }

    /// For `REDIS_URL`.
    pub fn url(&self) -> String {
        format!("redis+sentinel://127.0.0.1:{}/mymaster", self.port)
    }
}
