"""What the outside may see of us: metrics, logs and Events. Nothing here changes behaviour."""
