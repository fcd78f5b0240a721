#!/bin/busybox sh
# Answers one request: stdin and stdout are the connection.
counts=/tmp/app
mkdir -p "$counts" 2>/dev/null
read -r method path rest
while read -r header && [ "$header" != "$(printf '\r')" ]; do :; done

count() { [ -f "$counts/$1" ] && wc -c < "$counts/$1" || echo 0; }

# One byte a request: appending is whole, however many answer at once. A read-only file system counts nothing.
tally() { [ -w "$counts" ] && printf . >> "$counts/$1"; }

answer() {
  printf 'HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: %s\r\nConnection: close\r\n\r\n%s\n' \
    "$1" "$((${#2} + 1))" "$2"
}

old_enough() { [ "$(($(date +%s) - STARTED))" -ge "$AFTER" ]; }

# Spreads the failures evenly: of any hundred requests in a row ERROR_PERCENT fail.
fails() {
  seen=$(($(count 200) + $(count 500)))
  [ $(((seen + 1) * ERROR_PERCENT / 100)) -gt $((seen * ERROR_PERCENT / 100)) ]
}

metrics() {
  cat <<END
# HELP http_requests_total Requests to the application itself, without probes and scrapes.
# TYPE http_requests_total counter
http_requests_total{code="200"} $(count 200)
http_requests_total{code="500"} $(count 500)
# HELP app_error_ratio The part of requests that fail, as configured.
# TYPE app_error_ratio gauge
app_error_ratio $(printf '%d.%02d' $((ERROR_PERCENT / 100)) $((ERROR_PERCENT % 100)))
# HELP app_info Always 1; the version is the label.
# TYPE app_info gauge
app_info{version="$VERSION"} 1
END
}

case "$path" in
  /healthz*)
    if [ "$BEHAVIOUR" = sick ] && old_enough; then answer '500 Internal Server Error' sick; else answer '200 OK' ok; fi
    ;;
  /readyz*)
    if [ "$BEHAVIOUR" = unready ] && old_enough; then answer '503 Service Unavailable' unready; else answer '200 OK' ok; fi
    ;;
  /metrics*) answer '200 OK' "$(metrics)" ;;
  /)
    if fails; then
      tally 500
      answer '500 Internal Server Error' 'failing on purpose'
    else
      tally 200
      answer '200 OK' "app $VERSION"
    fi
    ;;
  *) answer '404 Not Found' 'there is no such page' ;;
esac
