#!/bin/busybox sh
# The process of a pod made to behave well or badly. What it does stands in the image's environment, and a manifest may
# say otherwise: BEHAVIOUR, AFTER, VERSION, PORT, ERROR_PERCENT, DRAIN, EAT.
set -eu
export STARTED="$(date +%s)"
echo "app $VERSION, behaviour $BEHAVIOUR after $AFTER s"

serve() {
  nc -ll -p "$PORT" -e /app/answer.sh &
  server=$!
  # Those who still know this pod's address get answers for a moment more.
  trap 'sleep "$DRAIN"; kill "$server"; exit 0' TERM INT
}

# What is to fail at once must never have been ready.
serve_for_a_while() {
  [ "$AFTER" -eq 0 ] || { serve; sleep "$AFTER" & wait $!; }
}

case "$BEHAVIOUR" in
  crash)
    serve_for_a_while
    echo 'crashing on purpose' >&2
    exit 1
    ;;
  oom)
    serve_for_a_while
    echo 'eating memory on purpose' >&2
    # As process 1, so that the container dies of it. Bounded, in case somebody forgot the memory limit.
    exec dd if=/dev/zero of=/dev/null "bs=$EAT" count=1
    ;;
esac
serve
wait "$server"
