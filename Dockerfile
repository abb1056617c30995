# The worker and every other command: docker build -t keepline .
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
# the user has no home, where matplotlib would keep its list of fonts
ENV MPLCONFIGDIR=/tmp/matplotlib
# by number: Kubernetes can see that it is not root
USER 10001
ENTRYPOINT ["keepline"]
CMD ["worker"]
