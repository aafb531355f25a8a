"""Submits a task whose port is forwarded with the official SDK, waits for the forward, and speaks HTTP to the instance. Prints what it saw as JSON."""
import json
import sys
import time
import urllib.request

import qarnot
from qarnot.forced_network_rule import ForcedNetworkRule

conn = qarnot.Connection()
task = conn.create_task("way in", "docker-batch", 2)
task.constants["DOCKER_CMD"] = (
    "sh -c 'echo \"instance $INSTANCE_ID\" > index.html; exec python3 -m http.server 8080 --bind 127.0.0.1'"
)
task.forced_network_rules = [
    ForcedNetworkRule(inbound=True, proto="tcp", port="8080", name="web", application_type="http"),
    ForcedNetworkRule(inbound=True, proto="tcp", port="8081", name="closed", to="192.0.2.1"),
]
task.submit()

deadline = time.monotonic() + 60
pages = {}
while len(pages) < 2:
    if time.monotonic() > deadline:
        sys.exit(f"no forwards in a minute: {task.status}")
    task.update(flushcache=True)
    infos = task.status.running_instances_info.per_running_instance_info if task.status else []
    for info in infos:
        for forward in info.active_forward:
            if forward.application_port != 8080 or info.instance_id in pages:
                continue
            try:
                url = f"http://{forward.forwarder_host}:{forward.forwarder_port}/"
                pages[info.instance_id] = urllib.request.urlopen(url, timeout=5).read().decode()
            except OSError:
                pass  # the server of the instance has not begun to listen
    time.sleep(0.1)
print(json.dumps({"uuid": task.uuid, "pages": pages}))
