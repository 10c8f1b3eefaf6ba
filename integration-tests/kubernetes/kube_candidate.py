"""A small controller as a process: it counts in a ConfigMap while it leads.

``python kube_candidate.py KUBECONFIG NAMESPACE IDENTITY [DURATION DEADLINE RETRY]``
"""

from __future__ import annotations

import asyncio
import sys

from inferry_controller.kube import logs
from inferry_controller.kube.client import Client
from inferry_controller.kube.documents import stripped
from inferry_controller.kube.election import Election
from inferry_controller.kube.kinds import CONFIG_MAP
from inferry_controller.kube.manager import Manager
from inferry_controller.kube.queue import Queue
from inferry_controller.kube.reflector import Reflector
from inferry_controller.kube.store import Key, Store
from inferry_controller.kube.workers import Result, Workers


async def main(kubeconfig: str, namespace: str, identity: str, *times: str) -> int:
    options = {}
    if times:
        options = dict(
            zip(("duration", "deadline", "retry"), map(float, times), strict=True)
        )
    async with Client.connect(kubeconfig) as client:
        election = Election(client, namespace, "candidates", identity, **options)
        manager = Manager(client, election=election, grace=5)
        store: Store[dict[str, object]] = Store()
        reflector = Reflector(
            client, CONFIG_MAP, store, project=stripped, namespaces=(namespace,)
        )
        queue: Queue[Key] = Queue()
        written = 0

        async def reconcile(key: Key) -> Result:
            nonlocal written
            written += 1
            config = {"apiVersion": "v1", "kind": "ConfigMap"}
            metadata = {"namespace": namespace, "name": identity}
            data = {"written": str(written)}
            await client.apply(
                {**config, "metadata": metadata, "data": data}, manager=identity
            )
            return Result(after=0.05)

        def say(word: str) -> None:
            sys.stdout.write(f"{word} {manager.health.port}\n")
            sys.stdout.flush()

        async def start() -> None:
            await reflector.wait_synced()
            say("started")
            await asyncio.Event().wait()

        async def lead() -> None:
            say("leading")
            queue.add((namespace, identity))

        manager.watch(reflector)
        manager.work(Workers(queue, reconcile, name="candidate"))
        manager.before_work(lead)
        manager.always(start)
        return await manager.run()


if __name__ == "__main__":
    logs.configure("info")
    sys.exit(asyncio.run(main(*sys.argv[1:])))
