"""A process that leads by the real Lease and writes ConfigMaps through the fenced client as fast as it may.

    python -m tests.lease_holder KUBECONFIG NAMESPACE NAME

It creates ``NAME-<n>`` one after another, eight at a time, for as long as it leads, and drains on SIGTERM as the
operator does. Tests read from the ConfigMaps' resourceVersions who wrote when.
"""

import asyncio
import logging
import sys
from datetime import timedelta
from itertools import count

from landlord.api.failures import LandlordFailure
from landlord.api.refs import Resource
from landlord.clients.cluster import Cluster
from landlord.runtime import leader
from landlord.runtime.lease import Lease, Terms
from landlord.runtime.stopping import Stop

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", namespaced=True)
LEASE_NAME = "leader"
LABEL = "lease-holder"
DURATION, DEADLINE, RETRY = timedelta(seconds=3), timedelta(seconds=2), timedelta(seconds=0.4)
WRITERS = 8


async def main(kubeconfig: str, namespace: str, name: str) -> None:
    """Lead and write until told to stop, or until the Lease is lost."""
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {name} %(message)s")
    stop = Stop()
    stop.listen()
    async with await Cluster.connect(kubeconfig) as free:
        lease = Lease(free, Terms(namespace, LEASE_NAME, DURATION, DEADLINE, RETRY), identity=name)
        async with await Cluster.connect(kubeconfig, fence=lease.seconds_left) as fenced:
            await lease.acquire()
            numbers = count()
            writers = [asyncio.create_task(_write(fenced, namespace, name, numbers)) for _ in range(WRITERS)]
            keeping = asyncio.create_task(leader.keep(lease, lambda: [writer.cancel() for writer in writers]))
            await stop.asked.wait()
            for writer in writers:
                writer.cancel()
            await asyncio.gather(*writers, return_exceptions=True)
            await lease.release()
            keeping.cancel()


async def _write(cluster: Cluster, namespace: str, name: str, numbers: "count[int]") -> None:
    while True:
        metadata = {"name": f"{name}-{next(numbers)}", "namespace": namespace, "labels": {LABEL: name}}
        try:
            await cluster.create(CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
        except LandlordFailure as failure:
            logging.info("%s", failure.why)
            await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
