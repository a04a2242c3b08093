# Checked for syntax only; see docs/howto/run-in-containers.md.
FROM python:3.12-slim AS build

WORKDIR /app
RUN pip install --no-cache-dir uv==0.13.9 && python -m venv /app/.venv
# Packages first: they change less often than the code, and their layer is kept.
COPY requirements.txt ./
RUN uv pip install --no-cache --python /app/.venv/bin/python --compile-bytecode -r requirements.txt
COPY . .
# The key is of no use but to get past the settings; it is not kept.
RUN SECRET_KEY=build /app/.venv/bin/python manage.py collectstatic --no-input


FROM python:3.12-slim

RUN useradd --create-home --uid 10001 aegra && install --directory --owner=aegra /data
WORKDIR /app
COPY --from=build /app /app

ENV PATH="/app/.venv/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    AEGRA_DATA_DIR=/data \
    AEGRA_HOST=0.0.0.0

USER 10001
VOLUME /data
EXPOSE 2026
# SIGTERM lets runs finish for DRAIN_SECONDS, then hands them back.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:2026/ok', timeout=4)"]

# Seen from inside, every caller is on another machine, and none is authenticated yet: the container
# starts with ALLOW_ANONYMOUS=true only. Publish its port to callers that you trust.
CMD ["python", "manage.py", "serve", "--host", "0.0.0.0", "--port", "2026"]
