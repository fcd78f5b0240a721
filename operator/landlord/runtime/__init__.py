"""What keeps passes running: kopf's front door, work queue, informers, lease, settings, servers."""
