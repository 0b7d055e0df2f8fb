FROM python:3.11.14-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 MALLOC_ARENA_MAX=2 MALLOC_TRIM_THRESHOLD_=131072

# A volume takes the owner of the directory that it first covers.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin exai \
 && install -d -m 0700 -o 10001 -g 10001 /var/lib/exai \
 && install -d -m 0755 -o 65534 -g 65534 /prometheus

WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY exporter ./exporter
COPY alertmanager ./alertmanager
COPY config ./config
COPY prometheus ./prometheus
COPY docs/boards.md ./docs/boards.md
COPY docs/runbooks ./docs/runbooks
COPY supabase ./supabase
# A clone that was made with umask 077 brings files that only root may read.
RUN chmod -R a+rX /app \
 && printf '#!/usr/bin/env python\nfrom exporter.__main__ import main\n\nmain()\n' > /usr/local/bin/exai-exporter \
 && chmod 755 /usr/local/bin/exai-exporter

USER 10001:10001
ENV EXAI_LISTEN=0.0.0.0:9464 EXAI_STATE_DIR=/var/lib/exai PYTHONPATH=/app
VOLUME /var/lib/exai
EXPOSE 9464
ENTRYPOINT ["exai-exporter"]
CMD ["serve"]
