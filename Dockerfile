# The relayer alone: no compiler, no shell access needed, not root. State lives in /data, the settings in /config.
FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements.txt pyproject.toml README.md LICENSE ./
RUN python -m venv /opt/relayer && /opt/relayer/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY relayer relayer
RUN /opt/relayer/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home relayer && install -d -o relayer /data
COPY --from=build /opt/relayer /opt/relayer
USER relayer
WORKDIR /data
# Inside a container the loopback address would answer nobody; publish the port where only monitoring reaches it.
ENV RELAYER_API__HOST=0.0.0.0
EXPOSE 9464
HEALTHCHECK CMD ["/opt/relayer/bin/python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:9464/livez', timeout=3)"]
ENTRYPOINT ["/opt/relayer/bin/relayer"]
CMD ["run", "--config", "/config/relayer.toml"]
