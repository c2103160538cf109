#!/usr/bin/env bash
# KUBECONFIG with two files (`a:b`) in Kubernetes clients: kubectl 1.20.2 (Debian 12) beside kubernetes 37.0.2, kubernetes_asyncio 36.1.0, kr8s 0.20.15, lightkube 1.0.1,
# pykube-ng 23.6.0 (PyPI) and @kubernetes/client-node 2.0.1 (npm). Five outcomes, two of them another cluster, without an error.
#
# kubectl takes the first file that has a name: its current context, and of two clusters or users with one name the first one's.
# * kubernetes and kubernetes_asyncio: clusters and users as kubectl, and the current context of the last file. So a script changes another cluster than kubectl shows.
# * kr8s: the current context of the first file, and of two clusters or users with one name the last one's. A user `admin` in both files, as many tools write it, is
#   another token, which is sent to the first file's cluster. A certificate's path is taken from the folder of the first file, not of its own, and `tokenFile` is not read.
# * lightkube and pykube-ng: there is no file "a:b". client-node: a name in both files is an error.
# * With one file all of them agree.
. "$(dirname "$0")/lib/common.sh"

pypi kubernetes==37.0.2 kubernetes_asyncio==36.1.0 kr8s==0.20.15 lightkube==1.0.1 pykube-ng==23.6.0
npm @kubernetes/client-node@2.0.1
debian kubernetes-client=1.20.5+really1.20.2-1.1+deb12u1
cd "$work"
mkdir second
for file in a second/b; do
    number=$([ "$file" = a ] && echo 1 || echo 2)
    cat >"$file" <<YAML
apiVersion: v1
kind: Config
current-context: context$number
clusters:
- name: cluster$number
  cluster: {server: "https://192.0.2.$number", certificate-authority: ca.pem}
- name: shared
  cluster: {server: "https://192.0.2.1$number"}
users:
- name: admin
  user: {token: token$number}
contexts:
- name: context$number
  context: {cluster: cluster$number, user: admin}
- name: shared$number
  context: {cluster: shared, user: admin}
YAML
done
for file in ca.pem second/ca.pem; do
    echo "$file" >"$file"
done

cat >read.py <<'PYTHON'
import asyncio, os, sys

name, context = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None


def show(server, token, certificates):
    print(server.removeprefix("https://"), token.removeprefix("Bearer "), os.path.relpath(certificates) if certificates else "-")


def official(configuration):
    show(configuration.host, configuration.api_key["BearerToken"], configuration.ssl_ca_cert)


async def asynchronous():
    if name == "kr8s":
        from kr8s._auth import KubeAuth

        auth = await KubeAuth(context=context)
        return show(auth.server, auth.token, auth.server_ca_file)
    from kubernetes_asyncio import client, config

    configuration = client.Configuration()
    await config.load_kube_config(context=context, client_configuration=configuration)
    official(configuration)


try:
    if name == "kubernetes":
        from kubernetes import client, config

        configuration = client.Configuration()
        config.load_kube_config(context=context, client_configuration=configuration)
        official(configuration)
    elif name == "lightkube":
        from lightkube import KubeConfig

        one = KubeConfig.from_env().get(context_name=context)
        show(one.cluster.server, one.user.token, one.cluster.certificate_auth)
    elif name == "pykube":
        import pykube

        one = pykube.KubeConfig.from_env()
        if context:
            one.set_current_context(context)
        certificates = one.cluster.get("certificate-authority")
        show(one.cluster["server"], one.user["token"], certificates.filename() if certificates else None)
    else:
        asyncio.run(asynchronous())
except Exception as error:
    print(type(error).__name__)
PYTHON
cat >js/read.mjs <<'JS'
import * as client from "@kubernetes/client-node";

const config = new client.KubeConfig();
try {
    config.loadFromDefault();
    if (process.argv[2]) config.setCurrentContext(process.argv[2]);
    const cluster = config.getCurrentCluster();
    console.log(cluster.server.replace("https://", ""), config.getCurrentUser().token, cluster.caFile?.replace(process.cwd() + "/", "") ?? "-");
} catch (error) {
    console.log(error.message);
}
JS

by() {
    local server token certificates
    case $1 in
    kubectl)
        kubectl config view --raw --flatten --minify ${2+--context "$2"} \
            -o jsonpath='{.clusters[0].cluster.server} {.users[0].user.token} {.clusters[0].cluster.certificate-authority-data}' >view
        read -r server token certificates <view || true
        echo "${server#https://} $token $([ -z "$certificates" ] && echo - || base64 -d <<<"$certificates")"
        ;;
    node) node js/read.mjs ${2+"$2"} ;;
    *) python read.py "$@" 2>python.log ;;
    esac
}

# agree WORDS EXPECTED CLIENT .. [-- CONTEXT]: server, token and file of certificates that these clients have.
agree() {
    local words=$1 expected=$2 client
    shift 2
    local clients=() context=()
    while [ $# -gt 0 ]; do
        [ "$1" = -- ] && { context=("$2"); break; }
        clients+=("$1")
        shift
    done
    for client in "${clients[@]}"; do
        expect "$words, $client" "$expected" "$(by "$client" "${context[@]}")"
    done
}

export KUBECONFIG=a
agree "one file" "192.0.2.1 token1 ca.pem" kubectl kubernetes asyncio kr8s lightkube pykube node
export KUBECONFIG=a:second/b
agree "current context" "192.0.2.1 token1 ca.pem" kubectl
agree "current context" "192.0.2.2 token1 second/ca.pem" kubernetes asyncio
agree "current context" "192.0.2.1 token2 ca.pem" kr8s
agree "context2" "192.0.2.2 token1 second/ca.pem" kubectl kubernetes asyncio -- context2
agree "context2" "192.0.2.2 token2 ca.pem" kr8s -- context2
agree "the first file's cluster of a name in both" "192.0.2.11 token1 -" kubectl kubernetes asyncio -- shared1
agree "the first file's cluster of a name in both" "192.0.2.12 token2 -" kr8s -- shared1
agree "current context" ConfigError lightkube
agree "current context" PyKubeError pykube
agree "current context" "Duplicate cluster: shared" node
