//! Sets, reads, watches and lists on a running server: `cargo run --example tour [URI]`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use doozer_client::{Client, DoozerUri, Error, Options, REV_CLOBBER};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let uri = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:8046".to_owned());
    let uri: DoozerUri = uri.parse()?;
    let client = Client::connect(&uri, Options::default()).await?;
    println!("connected to node {:?}", client.self_id().await?);

    let rev = client.set("/tour/greeting", REV_CLOBBER, "hello").await?;
    println!("set at revision {rev}");

    // Of two who set from the same revision one wins.
    client.set("/tour/greeting", rev, "hello again").await?;
    match client.set("/tour/greeting", rev, "too late").await {
        Err(error) if error.is_rev_mismatch() => println!("somebody was faster: {error}"),
        other => println!("unexpected: {other:?}"),
    }

    let mut watch = client.watch("/tour/*", rev);
    for _ in 0..2 {
        match watch.next().await.expect("a watch goes on") {
            Ok(event) => println!("{:?} {} at {}", event.kind, event.path, event.rev),
            Err(Error::HistoryGone { .. }) => watch.resume_at(client.rev().await?),
            Err(error) => return Err(error.into()),
        }
    }

    println!("/ holds {:?}", client.list("/", None).await?);
    for file in client.walk_all("/ctl/**", None).await? {
        println!("{} {} {} bytes", file.path, file.rev, file.value.len());
    }
    client.del("/tour/greeting", REV_CLOBBER).await?;
    Ok(())
}
