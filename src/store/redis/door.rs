//! The ways to Redis: one server, a cluster, or whatever the sentinels call the master.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use redis::aio::{MultiplexedConnection, PubSub};
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, IntoConnectionInfo, RedisError,
    RedisResult, TlsMode,
};

/// Longer than any caller waits; what takes longer has failed.
const ANSWER: Duration = Duration::from_secs(1);

/// Where Redis is.
#[derive(Debug, Clone)]
pub(super) enum Door {
    One(Client),
    Cluster {
        client: Box<ClusterClient>,
        /// Each hears what is published at any of them.
        nodes: Vec<Client>,
    },
    Sentinel {
        /// Sentinels know no user and no password of the servers they watch.
        sentinels: Vec<String>,
        master: String,
        node: SentinelNodeConnectionInfo,
    },
}

/// A connection that takes commands.
#[derive(Clone)]
pub(super) enum Link {
    One(MultiplexedConnection),
    Cluster(Box<ClusterConnection>),
}

/// The pieces of a URL. The library reads one host only.
struct Pieces<'a> {
    /// `redis` or `rediss`.
    scheme: &'a str,
    /// `user:password@`, or empty.
    login: &'a str,
    hosts: Vec<String>,
    /// What stands behind the hosts, without its slash.
    path: &'a str,
}

impl Door {
    pub(super) fn parse(url: &str) -> Result<Self> {
        let (scheme, rest) = url
            .split_once("://")
            .context("REDIS_URL has no scheme; it would look like redis://host:6379")?;
        match scheme {
            "redis" | "rediss" => Ok(Self::One(Client::open(url).context("Reading REDIS_URL")?)),
            "redis+cluster" => cluster(&pieces("redis", rest, 6_379)?),
            "rediss+cluster" => cluster(&pieces("rediss", rest, 6_379)?),
            "redis+sentinel" => sentinel(&pieces("redis", rest, 26_379)?),
            "rediss+sentinel" => sentinel(&pieces("rediss", rest, 26_379)?),
            other => bail!(
                "REDIS_URL begins with `{other}://`; it takes redis, rediss, redis+cluster and redis+sentinel"
            ),
        }
    }

    /// Connects and makes sure that it can be written to: a server that loads, a replica and a cluster
    /// without all its slots take connections too.
    pub(super) async fn link(&self) -> RedisResult<Link> {
        let mut link = match self {
            Self::One(client) => Link::One(connect(client).await?),
            Self::Cluster { client, nodes: _ } => {
                Link::Cluster(Box::new(client.get_async_connection().await?))
            }
            Self::Sentinel { .. } => Link::One(connect(&self.master().await?).await?),
        };
        let mut probe = redis::cmd("SET");
        probe.arg("toney:probe").arg(1).arg("PX").arg(1_000);
        link.ask::<()>(&probe).await?;
        Ok(link)
    }

    /// Connects for hearing what is published.
    pub(super) async fn bell(&self) -> RedisResult<PubSub> {
        match self {
            Self::One(client) => client.get_async_pubsub().await,
            Self::Cluster { client: _, nodes } => {
                let mut trouble = nobody();
                for node in nodes {
                    match node.get_async_pubsub().await {
                        Ok(bell) => return Ok(bell),
                        Err(error) => trouble = error,
                    }
                }
                Err(trouble)
            }
            Self::Sentinel { .. } => self.master().await?.get_async_pubsub().await,
        }
    }

    /// Asks the sentinels anew each time: the master may have changed.
    async fn master(&self) -> RedisResult<Client> {
        let Self::Sentinel {
            sentinels,
            master,
            node,
        } = self
        else {
            return Err(nobody());
        };
        let kind = SentinelServerType::Master;
        SentinelClient::build(sentinels.clone(), master, Some(node.clone()), kind)?
            .async_get_client()
            .await
    }
}

impl Link {
    pub(super) async fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> RedisResult<T> {
        match self {
            Self::One(link) => command.query_async(link).await,
            Self::Cluster(link) => command.query_async(link.as_mut()).await,
        }
    }
}

async fn connect(client: &Client) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(ANSWER));
    client
        .get_multiplexed_async_connection_with_config(&config)
        .await
}

fn cluster(pieces: &Pieces<'_>) -> Result<Door> {
    ensure!(
        pieces.path.is_empty(),
        "REDIS_URL has a path, but a cluster has no databases"
    );
    let urls = pieces.urls(pieces.login);
    let nodes = urls
        .iter()
        .map(|url| Client::open(url.as_str()))
        .collect::<Result<_, _>>()
        .context("Reading REDIS_URL")?;
    // Waiting longer than the caller is of no use to anybody.
    let client = ClusterClientBuilder::new(urls)
        .retries(2)
        .min_retry_wait(10)
        .max_retry_wait(50)
        .connection_timeout(ANSWER)
        .response_timeout(ANSWER)
        .build()
        .context("Reading REDIS_URL")?;
    Ok(Door::Cluster {
        client: Box::new(client),
        nodes,
    })
}

fn sentinel(pieces: &Pieces<'_>) -> Result<Door> {
    ensure!(
        !pieces.path.is_empty() && !pieces.path.contains('/'),
        "REDIS_URL names no master; it would look like redis+sentinel://host:26379/mymaster"
    );
    let sentinels = pieces.urls("");
    for url in &sentinels {
        url.as_str()
            .into_connection_info()
            .context("Reading REDIS_URL")?;
    }
    // Any of the hosts will do to read the login as the library reads it.
    let login = pieces
        .urls(pieces.login)
        .into_iter()
        .next()
        .context("REDIS_URL names no host")?
        .into_connection_info()
        .context("Reading REDIS_URL")?;
    let mut node = SentinelNodeConnectionInfo::default()
        .set_redis_connection_info(login.redis_settings().clone());
    if pieces.scheme == "rediss" {
        node = node.set_tls_mode(TlsMode::Secure);
    }
    Ok(Door::Sentinel {
        sentinels,
        master: pieces.path.to_owned(),
        node,
    })
}

fn pieces<'a>(scheme: &'a str, rest: &'a str, port: u16) -> Result<Pieces<'a>> {
    let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, hosts) = match hosts.rsplit_once('@') {
        Some((login, hosts)) => (login, hosts),
        None => ("", hosts),
    };
    let hosts: Vec<String> = hosts
        .split(',')
        .map(|host| {
            // The colons of an IPv6 address stand in brackets.
            let named = host.rsplit_once(']').map_or(host, |(_, behind)| behind);
            if named.contains(':') {
                host.to_owned()
            } else {
                format!("{host}:{port}")
            }
        })
        .collect();
    ensure!(
        hosts.iter().all(|host| !host.starts_with(':')),
        "REDIS_URL names an empty host"
    );
    Ok(Pieces {
        scheme,
        login,
        hosts,
        path,
    })
}

impl Pieces<'_> {
    fn urls(&self, login: &str) -> Vec<String> {
        let at = if login.is_empty() { "" } else { "@" };
        self.hosts
            .iter()
            .map(|host| format!("{}://{login}{at}{host}", self.scheme))
            .collect()
    }
}

fn nobody() -> RedisError {
    RedisError::from((redis::ErrorKind::Client, "no node is known"))
}
