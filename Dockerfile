FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv --without-pip /opt/rotator
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/build.txt \
 && pip --python /opt/rotator/bin/python install --no-cache-dir --require-hashes -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY rotator rotator
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist . \
 && pip --python /opt/rotator/bin/python install --no-cache-dir --no-deps dist/*.whl

FROM python:3.13-slim
COPY --from=build /opt/rotator /opt/rotator
# The locks lie here: the one place that rotator writes to.
RUN install -d -o 10001 -g 10001 -m 0750 /run/rotator
ENV PATH=/opt/rotator/bin:$PATH
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
ENTRYPOINT ["rotator"]
CMD ["run"]
