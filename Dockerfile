# One image for every process: web by default; worker, beat and migrations by command (compose.yaml).

# The full image: it has the compiler that packages without a wheel for this platform need.
FROM python:3.11 AS packages
RUN python -m venv /opt/venv
COPY requirements.txt .
RUN /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check \
    --require-hashes -r requirements.txt

FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1
# The home folder is where beat keeps its schedule; all else stays root's.
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/gateway \
    --shell /usr/sbin/nologin gateway
WORKDIR /app
COPY --from=packages /opt/venv /opt/venv
COPY . .
# Settings want some key; this one ends with the command.
RUN SECRET_KEY=only-to-collect-static-files python manage.py collectstatic --no-input
USER gateway

EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD \
    ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/livez', timeout=4)"]

# X-Forwarded-For is read by the gateway itself (TRUSTED_PROXY_COUNT), hence --no-proxy-headers.
CMD ["uvicorn", "gateway_site.asgi:application", "--host", "0.0.0.0", "--port", "8000", \
     "--lifespan", "on", "--no-proxy-headers", "--no-access-log", "--log-level", "warning", \
     "--ws-per-message-deflate", "false", "--ws-max-size", "65536", "--timeout-graceful-shutdown", "5"]
