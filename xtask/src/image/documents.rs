//! The documents of an image (OCI Image Format 1.0), pure.

use serde_json::{Value as Json, json};

use crate::digest::sha256;

/// The image's name, as the manifests have it.
pub(super) const NAME: &str = concat!("mermin-agent:", env!("CARGO_PKG_VERSION"));

/// A file named by its digest.
struct Blob {
    digest: String,
    content: Vec<u8>,
}

impl Blob {
    fn new(content: Vec<u8>) -> Self {
        Self {
            digest: sha256(&content),
            content,
        }
    }

    /// Returns its path in the archive.
    fn path(&self) -> String {
        format!("blobs/sha256/{}", self.digest)
    }

    fn digest(&self) -> String {
        format!("sha256:{}", self.digest)
    }

    /// Returns what another document says about it.
    fn described(&self, kind: &str) -> Json {
        json!({"mediaType": kind, "digest": self.digest(), "size": self.content.len()})
    }
}

/// Returns the files of an archive with one layer, by path: an OCI image layout, and beside it `manifest.json` for
/// `docker load` before version 25, and for `ctr`.
pub(super) fn files(layer: Vec<u8>, architecture: &str) -> Vec<(String, Vec<u8>)> {
    let layer = Blob::new(layer);
    let config = Blob::new(octets(&json!({
        "architecture": architecture,
        "os": "linux",
        "config": {"Entrypoint": ["/mermin-agent"], "Cmd": ["run"]},
        // The layer is not compressed, so this is its own digest.
        "rootfs": {"type": "layers", "diff_ids": [layer.digest()]},
    })));
    let manifest = Blob::new(octets(&json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config.described("application/vnd.oci.image.config.v1+json"),
        "layers": [layer.described("application/vnd.oci.image.layer.v1.tar")],
    })));
    let mut entry = manifest.described("application/vnd.oci.image.manifest.v1+json");
    // containerd takes the whole name from the first, skopeo and podman the tag from the second.
    let tag = NAME.rsplit(':').next().unwrap_or(NAME);
    entry["annotations"] = json!({
        "io.containerd.image.name": format!("docker.io/library/{NAME}"),
        "org.opencontainers.image.ref.name": tag,
    });
    let index = json!({"schemaVersion": 2, "manifests": [entry]});
    let saved = json!([{"Config": config.path(), "RepoTags": [NAME], "Layers": [layer.path()]}]);
    let mut files = vec![
        (
            "oci-layout".to_owned(),
            octets(&json!({"imageLayoutVersion": "1.0.0"})),
        ),
        ("index.json".to_owned(), octets(&index)),
        ("manifest.json".to_owned(), octets(&saved)),
    ];
    let blobs = [layer, config, manifest].map(|blob| (blob.path(), blob.content));
    files.extend(blobs);
    files
}

/// Returns the architecture as images name it.
pub(super) fn architecture(of_rust: &str) -> &str {
    match of_rust {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn octets(document: &Json) -> Vec<u8> {
    document.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each document names the next by its digest and size, from the index to the layer.
    #[test]
    fn documents_lead_to_the_layer() {
        let files = files(b"abc".to_vec(), architecture("x86_64"));
        let file = |path: &str| -> Vec<u8> {
            let found = files.iter().find(|(name, _)| name == path);
            found.unwrap_or_else(|| panic!("no {path}")).1.clone()
        };
        let read = |path: &str| -> Json { serde_json::from_slice(&file(path)).unwrap() };
        let follow = |entry: &Json| -> Vec<u8> {
            let digest = entry["digest"].as_str().unwrap();
            let content = file(&format!("blobs/{}", digest.replace(':', "/")));
            assert_eq!(entry["size"], content.len());
            assert_eq!(digest, Blob::new(content.clone()).digest());
            content
        };
        let manifest: Json =
            serde_json::from_slice(&follow(&read("index.json")["manifests"][0])).unwrap();
        assert_eq!(follow(&manifest["layers"][0]), b"abc");
        let config: Json = serde_json::from_slice(&follow(&manifest["config"])).unwrap();
        assert_eq!(config["architecture"], "amd64");
        let layer = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(config["rootfs"]["diff_ids"][0], layer);
        assert_eq!(manifest["layers"][0]["digest"], layer);
        let saved = &read("manifest.json")[0];
        assert_eq!(saved["RepoTags"][0], NAME);
        assert_eq!(file(saved["Layers"][0].as_str().unwrap()), b"abc");
    }

    #[test]
    fn name_is_that_of_chart_and_dockerfile() {
        for text in [
            include_str!("../../../examples/agent/deploy/chart/values.yaml"),
            include_str!("../../../examples/agent/deploy/Dockerfile"),
        ] {
            assert!(text.contains(NAME), "{NAME}: {text}");
        }
    }
}
