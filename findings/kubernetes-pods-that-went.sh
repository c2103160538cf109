#!/usr/bin/env bash
# Kubernetes clients of PyPI whose watch was cut off for a while: kopf 1.45.2, kr8s 0.20.15, lightkube 1.0.1 and SharedInformer of kubernetes 37.0.2 beside an API of the script's own.
#
# While no watch is open a pod goes, its address goes to another pod, and a third one is made anew under its name; what happened is compacted by then (410 Gone),
# as after some minutes of etcd, so the client lists again. A name for 192.0.2.2 afterwards:
# * kopf: an index by address has both pods, the one that went and the new one, and so it stays. Its handlers hear of no deletion. If the watch resumes in time, all is right.
# * lightkube: its documented handler on_error_retry goes on with ADDED for what is there, without DELETED, and says nothing of the gap.
# * kr8s: `watch` ends without an error when the server ends the request, which an API server does to every watch after 30 to 60 minutes. With `since=` of
#   a version that is gone it asks again and again, with that version, and never gets an event.
# * kubernetes: SharedInformer has the right pods and tells of the deletion; a pod that was made anew is MODIFIED, with another uid.
#   Where its watch is refused (403, 429, 503) it asks again at once, tens of times a second, and never lists.
# A map from addresses to pods is compared by uid with each list that follows a gap.
. "$(dirname "$0")/lib/common.sh"

pypi kopf==1.45.2 kr8s==0.20.15 lightkube==1.0.1 kubernetes==37.0.2
cd "$work"
cat >api.py <<'PYTHON'
"""Pods as an API server has them: a history of events, LIST, and WATCH from a resource version on."""

import http.server, json, sys, threading, time, urllib.parse


def pod(name, uid, address, version):
    metadata = {"name": name, "namespace": "default", "uid": uid, "resourceVersion": str(version), "creationTimestamp": "2026-01-01T00:00:00Z"}
    status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [{"name": "c", "image": "i"}]}, "status": status}


FIRST = [("ADDED", pod("a", "a1", "192.0.2.1", 90)), ("ADDED", pod("b", "b1", "192.0.2.2", 100)), ("MODIFIED", pod("b", "b1", "192.0.2.2", 120))]
GAP = [("DELETED", pod("b", "b1", "192.0.2.2", 130)), ("DELETED", pod("a", "a1", "192.0.2.1", 140)),
       ("ADDED", pod("a", "a2", "192.0.2.3", 150)), ("ADDED", pod("c", "c1", "192.0.2.2", 160))]
LAST = [("MODIFIED", pod("c", "c1", "192.0.2.2", 170))]
history, compacted, watches, epoch, resumed = FIRST[:2], 0, 0, 0, False
lock = threading.Condition()
case = sys.argv[2]  # resumes; gone; old, where all of it has happened before the first watch; or a status that refuses every watch but the first
if case == "old":
    history, compacted = FIRST + GAP, 155


def version(event):
    return int(event[1]["metadata"]["resourceVersion"])


def failure(code, message):
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": "Expired" if code == 410 else "", "code": code}


def story():
    """What happens, from the first watch on."""
    global compacted, epoch
    with lock:
        lock.wait_for(lambda: watches)
    if case == "old":
        time.sleep(3)
        return print("over", flush=True)
    time.sleep(0.5)
    with lock:
        history.append(FIRST[2])
        lock.notify_all()
    time.sleep(0.5)
    with lock:
        history.extend(GAP)
        epoch += 1
        compacted = 155 if case == "gone" else 0
        lock.notify_all()
        lock.wait_for(lambda: resumed, 3 if case.isdigit() else None)
    time.sleep(1)
    with lock:
        history.extend(LAST)
        lock.notify_all()
    time.sleep(2)
    print("over", flush=True)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body, code=200):
        octets = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def do_GET(self):
        global watches
        url = urllib.parse.urlparse(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        path = url.path.rstrip("/")
        verbs = ["get", "list", "patch", "watch"]
        resources = [{"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "verbs": verbs},
                     {"name": "namespaces", "singularName": "namespace", "namespaced": False, "kind": "Namespace", "verbs": verbs}]
        known = {"/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"}, "/api": {"kind": "APIVersions", "versions": ["v1"]},
                 "/apis": {"kind": "APIGroupList", "groups": []}, "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": resources}}
        if path in known:
            return self.answer(known[path])
        if path != "/api/v1/pods":
            return self.answer(failure(404, path), 404)
        with lock:
            now = {}
            for event, it in history:
                now.pop(it["metadata"]["name"], None)
                if event != "DELETED":
                    now[it["metadata"]["name"]] = it
            items, newest = [now[name] for name in sorted(now)], version(history[-1])
        if query.get("watch", "").lower() not in ("true", "1"):
            print("list", flush=True)
            return self.answer({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": str(newest)}, "items": items})
        print("watch", query.get("resourceVersion", ""), flush=True)
        with lock:
            watches += 1
            own = epoch
            lock.notify_all()
        if case.isdigit() and own:
            return self.answer(failure(int(case), "refused"), int(case))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            self.watch(query.get("resourceVersion", ""), items, newest, own)
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            pass

    def say(self, event, it):
        line = json.dumps({"type": event, "object": it}).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))

    def watch(self, since, items, newest, own):
        global resumed
        if since in ("", "0"):
            for it in items:
                self.say("ADDED", it)
            since = newest
        since = int(since)
        if since < compacted:
            return self.say("ERROR", failure(410, f"too old resource version: {since}"))
        with lock:
            resumed = own > 0
            lock.notify_all()
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with lock:
                if epoch != own:
                    return
                news = [it for it in history if version(it) > since]
                if not news:
                    lock.wait(0.2)
            for it in news:
                self.say(*it)
                since = version(it)

    def log_message(self, *_):
        pass


threading.Thread(target=story, daemon=True).start()
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
PYTHON
cat >client.py <<'PYTHON'
import asyncio, logging, os, sys, time

name, url = sys.argv[1], f"http://127.0.0.1:{sys.argv[2]}"
logging.disable(logging.CRITICAL)


def say(*words):
    print(*words, end="; ", flush=True)


def of_kopf():
    import kopf

    @kopf.on.login()
    def login(**_):
        return kopf.ConnectionInfo(server=url)

    @kopf.index("", "v1", "pods", id="by_address")
    def by_address(status, name, uid, **_):
        return {status["podIP"]: uid}

    @kopf.on.event("", "v1", "pods")
    def event(event, by_address, **_):
        it = event["object"]["metadata"]
        if event["type"] == "DELETED":
            say("DELETED", it["uid"])
        if it["resourceVersion"] == "170":
            say(*(f"{address}={','.join(sorted(by_address[address]))}" for address in sorted(by_address)))

    kopf.run(standalone=True, clusterwide=True)


async def of_kr8s(**more):
    import kr8s.asyncio
    api = await kr8s.asyncio.api(url=url)
    async for event, it in api.watch("pods", namespace=kr8s.ALL, **more):
        say(event, it.metadata.uid)
    say("no error")


def of_lightkube():
    with open("config", "w") as out:
        out.write(f'{{clusters: [{{name: c, cluster: {{server: "{url}"}}}}], users: [{{name: u, user: {{}}}}], '
                  "contexts: [{name: x, context: {cluster: c, user: u}}], current-context: x}")
    os.environ["KUBECONFIG"] = "config"
    from lightkube import Client
    from lightkube.resources.core_v1 import Pod
    from lightkube.types import on_error_retry
    for event, it in Client().watch(Pod, namespace="*", on_error=on_error_retry):
        say(event, it.metadata.uid)


def of_kubernetes():
    from kubernetes import client
    from kubernetes.informer import ADDED, DELETED, MODIFIED, SharedInformer
    configuration = client.Configuration()
    configuration.host = url
    informer = SharedInformer(client.CoreV1Api(client.ApiClient(configuration)).list_pod_for_all_namespaces)
    for event in (ADDED, DELETED, MODIFIED):
        informer.add_event_handler(event, lambda it, event=event: say(event, it.metadata.uid))
    informer.start()
    time.sleep(100)


if name == "kr8s":
    asyncio.run(of_kr8s())
elif name == "kr8s-since":
    asyncio.run(of_kr8s(since="120"))
else:
    globals()[f"of_{name}"]()
os._exit(0)
PYTHON

# with_api CASE CLIENT: what the client says until it ends or the story is over; its requests are in the file of that name.
with_api() {
    local port server client
    port=$(free_port)
    # The processes themselves, so that they can be ended.
    "$work/venv/bin/python" api.py "$port" "$1" >requests 2>/dev/null &
    server=$!
    started+=("$server")
    until_true 60 bash -c ": </dev/tcp/127.0.0.1/$port"
    "$work/venv/bin/python" client.py "$2" "$port" >said 2>client.log &
    client=$!
    started+=("$client")
    until_true 100 bash -c "grep -q over requests || ! kill -0 $client"
    kill "$server" "$client" 2>/dev/null || true
    wait "$server" "$client" 2>/dev/null || true
    sed 's/; $//' said
}

# requests: how often the client listed, and the versions that it watched from.
requests() {
    echo "lists $(grep -c list requests || true), watches from$(sed -n 's/^watch/ /p' requests | tr -s ' ' | sed 's/^ $/ none/' | paste -sd ',')"
}

expect "kopf, index of a watch that resumes" "DELETED b1; DELETED a1; 192.0.2.2=c1 192.0.2.3=a2" "$(with_api resumes kopf)"
expect "kopf, index after a gap" "192.0.2.1=a1 192.0.2.2=b1,c1 192.0.2.3=a2" "$(with_api gone kopf)"
expect "kopf, requests" "lists 2, watches from 100, 120, 160" "$(requests)"
expect "lightkube, events" "ADDED a1; ADDED b1; MODIFIED b1; ADDED a2; ADDED c1; MODIFIED c1" "$(with_api gone lightkube)"
expect "lightkube, requests" "lists 0, watches from none, 120, none" "$(requests)"
expect "kr8s, events of a watch that the server ends" "ADDED a1; ADDED b1; MODIFIED b1; no error" "$(with_api resumes kr8s)"
expect "kr8s, requests" "lists 0, watches from none" "$(requests)"
expect "kr8s, events since a version that is gone" "" "$(with_api old kr8s-since)"
# On a machine with nothing else to do there are hundreds.
expect "kr8s, more than 10 watches in three seconds, all since that version" "yes 0" "$([ "$(grep -c '^watch 120' requests)" -gt 10 ] && echo yes) $(grep -vc '^watch 120\|over' requests)"
expect "kubernetes, events" "ADDED a1; ADDED b1; MODIFIED b1; DELETED b1; MODIFIED a2; ADDED c1; MODIFIED c1" "$(with_api gone kubernetes)"
for code in 403 429 503; do
    with_api "$code" kubernetes >/dev/null
    expect "kubernetes, refused by $code: lists" 1 "$(grep -c list requests)"
    expect "kubernetes, refused by $code: more than 10 watches in three seconds" yes "$([ "$(grep -c '^watch' requests)" -gt 10 ] && echo yes)"
done
