# The operator's image. Everything it installs is pinned by hash; nothing is compiled or downloaded when it runs.
#   docker build -t landlord .

# The Python the tests run on.
ARG PYTHON=3.11

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
ENV PATH=/opt/landlord/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# A number, so that runAsNonRoot can be checked without /etc/passwd.
USER 65532:65532
ENTRYPOINT ["landlord"]
CMD ["run"]
