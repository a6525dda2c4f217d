# Targets: cpu (both engines; what compose runs), slim (fused engine only), gpu (TensorFlow on an NVIDIA GPU).
#   docker build --target cpu --tag nunchi:cpu .

# A tag can be moved, its digest cannot; how to renew it: docs/supply-chain.md.
FROM python:3.11.15-slim-bookworm@sha256:d29f48a31a8b408ed19272ca1e7b10ebae13b240a27e862d3d4217c528e2e0c3 AS base
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PATH=/opt/venv/bin:$PATH
RUN groupadd --gid 10001 nunchi \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin nunchi

# The virtual environments: nothing of pip's or of the build reaches the final stages but these directories.
FROM base AS install
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ONLY_BINARY=:all: \
    PIP_REQUIRE_HASHES=1
RUN python -m venv /opt/venv

FROM install AS install-slim
COPY requirements/service.txt /tmp/requirements.txt
RUN python -m pip install --requirement /tmp/requirements.txt

FROM install AS install-cpu
COPY requirements/tensorflow.txt /tmp/requirements.txt
RUN python -m pip install --requirement /tmp/requirements.txt

FROM install AS install-gpu
COPY requirements/tensorflow-cuda.txt /tmp/requirements.txt
RUN python -m pip install --requirement /tmp/requirements.txt

# What every target runs. Files belong to root: the service cannot change its own code or models.
FROM base AS runtime
WORKDIR /app
COPY model_store model_store
COPY service service
# The secret and the store of experiments: a volume belongs here; all else stays read-only.
RUN install --directory --owner=10001 --group=10001 --mode=0700 state
ENV NUNCHI_HOST=0.0.0.0
EXPOSE 8000
USER 10001:10001
STOPSIGNAL SIGTERM
# No proxy: one that is configured for the outside would be asked for the container itself.
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import os; from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({})).open('http://127.0.0.1:' + os.environ.get('NUNCHI_PORT', '8000') + '/health/ready', timeout=2)"]
ENTRYPOINT ["python", "-m", "service"]
CMD ["serve"]

FROM runtime AS slim
COPY --from=install-slim /opt/venv /opt/venv
ENV NUNCHI_ENGINE=onnx

FROM runtime AS gpu
COPY --from=install-gpu /opt/venv /opt/venv
ENV NUNCHI_ENGINE=tensorflow \
    NUNCHI_DEVICE=gpu \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility

# The last target is the one that `docker build .` makes.
FROM runtime AS cpu
COPY --from=install-cpu /opt/venv /opt/venv
