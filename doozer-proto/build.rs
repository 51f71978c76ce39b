//! Generates the message types from `proto/`, with a protobuf compiler written in Rust.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = ["proto/doozer.proto", "proto/peer.proto"];
    for file in files {
        println!("cargo:rerun-if-changed={file}");
    }
    let descriptors = protox::compile(files, ["proto"])?;
    prost_build::Config::new()
        .bytes(["."])
        .compile_fds(descriptors)?;
    Ok(())
}
