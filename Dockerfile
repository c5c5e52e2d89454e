# Hugging Face Spaces (`sdk: docker`, `app_port: 7860` in the README's front matter) or any container host.
# No secret is needed. The image holds torch for the CPU only and the bundled models; /data keeps the cache, the
# studies and downloaded models where a volume, or a Space's persistent storage, is mounted there.
FROM python:3.11-slim

RUN useradd --create-home --uid 1000 user && mkdir /data && chown user /data
USER user
ENV HOME=/home/user \
    PATH=/home/user/.local/bin:$PATH \
    HF_HOME=/data/huggingface \
    HF_HUB_DISABLE_TELEMETRY=1 \
    TOKENIZERS_PARALLELISM=false \
    TQDM_DISABLE=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    FORWARDED_ALLOW_IPS=* \
    SINKLENS_CACHE_DIR=/data/cache \
    SINKLENS_STUDIES_DIR=/data/studies \
    SINKLENS_ALLOW_FOLDERS=false \
    SINKLENS_FRAME_ORIGINS=https://huggingface.co,https://*.hf.space \
    SINKLENS_PAGE_ORIGINS=* \
    SINKLENS_JSON_LOGS=true \
    SINKLENS_METRICS=false \
    SINKLENS_WARM_UP=true
WORKDIR /home/user/app

COPY --chown=user requirements.txt .
RUN pip install --no-cache-dir --user --extra-index-url https://download.pytorch.org/whl/cpu -r requirements.txt

COPY --chown=user . .
EXPOSE 7860
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/healthz')"]
CMD ["shiny", "run", "--host", "0.0.0.0", "--port", "7860", "app.py"]
