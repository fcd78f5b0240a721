# The operator's image. Everything it installs is pinned by hash; nothing is compiled or downloaded when it runs.
#   docker build -t landlord .

# The Python the tests run on, and a Go that builds Helm.
ARG PYTHON=3.11
ARG GO=1.26

FROM golang:${GO} AS helm
WORKDIR /src
COPY sandbox/tools/helm/ ./
RUN CGO_ENABLED=0 go build -trimpath -mod=readonly -buildvcs=false -o /helm \
    -ldflags "-s -w -X helm.sh/helm/v4/internal/version.version=v4.3.1" helm.sh/helm/v4/cmd/helm

FROM python:${PYTHON}-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
WORKDIR /src
COPY requirements/ requirements/
# An environment without pip: what is copied below holds the operator and its libraries only.
RUN python -m venv --without-pip /opt/landlord \
 && python -m pip --python /opt/landlord/bin/python install --require-hashes -r requirements/runtime.txt
# Of the development packages, the build needs its back end.
RUN awk '/^[a-z]/ { keep = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/ } keep' requirements/dev.txt > build.txt \
 && python -m pip install --require-hashes -r build.txt
COPY pyproject.toml README.md LICENSE ./
COPY operator/ operator/
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && python -m pip --python /opt/landlord/bin/python install --no-deps dist/*.whl

FROM python:${PYTHON}-slim
COPY --from=build /opt/landlord /opt/landlord
COPY --from=helm /helm /usr/local/bin/helm
ENV PATH=/opt/landlord/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# Charts and Helm's own files lie in /var/tmp/landlord (--state-dir): give it an emptyDir of 600Mi.
# A number, so that runAsNonRoot can be checked without /etc/passwd.
USER 65532:65532
ENTRYPOINT ["landlord"]
CMD ["run"]
