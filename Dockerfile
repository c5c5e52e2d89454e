# Hugging Face Spaces (`sdk: docker`, `app_port: 7860` in the README's front matter) or any container host.
FROM python:3.11-slim

RUN useradd --create-home --uid 1000 user
USER user
ENV HOME=/home/user \
    PATH=/home/user/.local/bin:$PATH \
    HF_HOME=/home/user/.cache/huggingface \
    HF_HUB_DISABLE_TELEMETRY=1 \
    TOKENIZERS_PARALLELISM=false \
    SINKLENS_CACHE_DIR=/home/user/.cache/sinklens \
    SINKLENS_ALLOW_FOLDERS=false
WORKDIR /home/user/app

COPY --chown=user requirements.txt .
RUN pip install --no-cache-dir --user --extra-index-url https://download.pytorch.org/whl/cpu -r requirements.txt

COPY --chown=user . .
EXPOSE 7860
CMD ["shiny", "run", "--host", "0.0.0.0", "--port", "7860", "app.py"]
