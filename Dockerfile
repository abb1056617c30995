# The worker and every other command: docker build -t keepline .
# C is compiled here, since the image itself has no compiler
FROM python:3.12-slim AS compiled
RUN apt-get update --quiet=2 && apt-get install --quiet=2 --no-install-recommends gcc libc6-dev
WORKDIR /keepline
COPY schemas schemas
RUN XDG_CACHE_HOME=/var/cache python -m schemas.native

FROM python:3.12-slim
WORKDIR /keepline
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY features features
COPY online_model online_model
COPY streams streams
RUN pip install --no-cache-dir --no-deps --no-build-isolation . && useradd --uid 10001 --no-create-home keepline
COPY --from=compiled /var/cache/keepline /var/cache/keepline
# the user has no home, where matplotlib would keep its list of fonts, and compiled code would lie
ENV MPLCONFIGDIR=/tmp/matplotlib XDG_CACHE_HOME=/var/cache
# by number: Kubernetes can see that it is not root
USER 10001
ENTRYPOINT ["keepline"]
CMD ["worker"]
