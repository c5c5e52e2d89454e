"""The literature that SinkLens' methods come from, in one place, and how to cite the tool itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sinklens.version import VERSION

TITLE = "SinkLens: where a transformer's attention goes, and why it sinks"
AUTHORS = "{The SinkLens authors}"
YEAR = 2026
ARXIV = re.compile(r"\b(\d{4}\.\d{5})\b")
NAMED = re.compile(r"\b([A-Z]\w[\w-]*)(?: et al\.?| and [A-Z][\w-]+)?,? (\d{4})\b")


@dataclass(frozen=True)
class Reference:
    """One paper."""

    key: str
    authors: tuple[str, ...]
    """Family name first, as in "Gu, Xiangming"; "others" last where the list is cut."""
    title: str
    year: int
    """Of the version that is cited."""
    arxiv: str
    """Number of the preprint."""
    used_for: str

    @property
    def names(self) -> str:
        """How it is cited in a sentence: "Gu et al. 2025"."""
        first = self.authors[0].split(",")[0]
        others = {1: "", 2: f" and {self.authors[-1].split(',')[0]}"}.get(len(self.authors), " et al.")
        return f"{first}{others} {self.year}"

    def bibtex(self) -> str:
        """The entry, in ASCII where BibTeX wants it."""
        fields = {
            "author": " and ".join(self.authors),
            "title": f"{{{self.title}}}",
            "year": str(self.year),
            "eprint": self.arxiv,
            "archiveprefix": "arXiv",
            "url": f"https://arxiv.org/abs/{self.arxiv}",
            "note": f"Used for: {self.used_for}",
        }
        return _entry("misc", self.key, fields)


def tool_bibtex() -> str:
    """How to cite this version of SinkLens."""
    fields = {"author": AUTHORS, "title": f"{{{TITLE}}}", "year": str(YEAR), "version": VERSION}
    return _entry("software", "sinklens", fields)


def bibtex(references: tuple[Reference, ...] | None = None) -> str:
    """The tool and the methods as one BibTeX file; all methods by default."""
    chosen = REFERENCES if references is None else references
    return "\n".join([tool_bibtex(), *(reference.bibtex() for reference in chosen)])


def cited_in(*texts: str) -> tuple[Reference, ...]:
    """The papers that texts name, by preprint number or as "Gu et al. 2025", in the list's order."""
    numbers = {number for text in texts for number in ARXIV.findall(text)}
    named = {(name, int(year)) for text in texts for name, year in NAMED.findall(text)}
    return tuple(
        one for one in REFERENCES if one.arxiv in numbers or (one.authors[0].split(",")[0], one.year) in named
    )


def _entry(kind: str, key: str, fields: dict[str, str]) -> str:
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
    return f"@{kind}{{{key},\n{lines}}}\n"


def _papers(*rows: tuple[str, str, str, int, str, str]) -> tuple[Reference, ...]:
    return tuple(
        Reference(key, tuple(authors.split("; ")), title, year, arxiv, used_for)
        for key, authors, title, year, arxiv, used_for in rows
    )


REFERENCES = _papers(
    ("gu2025sink",
     "Gu, Xiangming; Pang, Tianyu; Du, Chao; Liu, Qian; Zhang, Fengzhuo; Du, Cunxiao; Wang, Ye; "
     "Lin, Min", "When Attention Sink Emerges in Language Models: An Empirical View", 2025, "2410.10781",
     "attention received by eligible queries, sink rate"),
    ("xiao2024streaming", "Xiao, Guangxuan; Tian, Yuandong; Chen, Beidi; Han, Song; Lewis, Mike",
     "Efficient Streaming Language Models with Attention Sinks", 2024, "2309.17453",
     "attention of the last query, cache policies"),
    ("sun2024massive", "Sun, Mingjie; Chen, Xinlei; Kolter, J. Zico; Liu, Zhuang",
     "Massive Activations in Large Language Models", 2024, "2402.17762", "massive activations"),
    ("owen2025refined",
     "Owen, Louis; Roy Chowdhury, Nilabhra; Kumar, Abhay; G{\\\"u}ra, Fabian",
     "A Refined Analysis of Massive Activations in LLMs", 2025, "2503.22329", "massive activations"),
    ("barbero2025first", "Barbero, Federico; Arroyo, {\\'A}lvaro; Gu, Xiangming; Perivolaropoulos, Christos; "
     "Bronstein, Michael; Veli{\\v{c}}kovi{\\'c}, Petar; Pascanu, Razvan",
     "Why do LLMs attend to the first token?", 2025, "2504.02732", "sink rate at a threshold of 0.8"),
    ("kaul2024attention", "Kaul, Prannay; Ma, Chengcheng; Elezi, Ismail; Deng, Jiankang",
     "From Attention to Activation: Unravelling the Enigmas of Large Language Models", 2024, "2410.17174",
     "share of queries that look at the first token most"),
    ("guo2024dormant", "Guo, Tianyu; Pai, Druv; Bai, Yu; Jiao, Jiantao; Jordan, Michael I.; Mei, Song",
     "Active-Dormant Attention Heads: Mechanistically Demystifying Extreme-Token Phenomena in LLMs", 2024,
     "2410.13835", "dormant heads, the Bigram-Backcopy task"),
    ("wong2025secondary", "Wong, Jeffrey T. H.; others", "On the Existence and Behaviour of Secondary "
     "Attention Sinks", 2025, "2512.22213", "secondary sinks"),
    ("qiu2025gated", "Qiu, Zihan; others", "Gated Attention for Large Language Models: Non-linearity, "
     "Sparsity, and Attention-Sink-Free", 2025, "2505.06708", "gated attention"),
    ("kobayashi2020norm", "Kobayashi, Goro; Kuribayashi, Tatsuki; Yokoi, Sho; Inui, Kentaro",
     "Attention is Not Only a Weight: Analyzing Transformers with Vector Norms", 2020, "2004.10102",
     "value-weighted attention, what a head writes"),
    ("kobayashi2021incorporating", "Kobayashi, Goro; Kuribayashi, Tatsuki; Yokoi, Sho; Inui, Kentaro",
     "Incorporating Residual and Normalization Layers into Analysis of Masked Language Models", 2021,
     "2109.07152", "norm-based analysis with residual and layer norm"),
    ("abnar2020flow", "Abnar, Samira; Zuidema, Willem", "Quantifying Attention Flow in Transformers", 2020,
     "2005.00928", "attention rollout and attention flow"),
    ("clark2019bert", "Clark, Kevin; Khandelwal, Urvashi; Levy, Omer; Manning, Christopher D.",
     "What Does BERT Look At? An Analysis of BERT's Attention", 2019, "1906.04341",
     "patterns of heads, distance of heads"),
    ("vig2019structure", "Vig, Jesse; Belinkov, Yonatan",
     "Analyzing the Structure of Attention in a Transformer Language Model", 2019, "1906.04284",
     "attention by relation and distance"),
    ("voita2019heads", "Voita, Elena; Talbot, David; Moiseev, Fedor; Sennrich, Rico; Titov, Ivan",
     "Analyzing Multi-Head Self-Attention: Specialized Heads Do the Heavy Lifting, the Rest Can Be Pruned",
     2019, "1905.09418", "types of heads, confidence of a head"),
    ("olsson2022induction", "Olsson, Catherine; others", "In-context Learning and Induction Heads", 2022,
     "2209.11895", "induction heads"),
    ("wang2023interpretability", "Wang, Kevin; Variengien, Alexandre; Conmy, Arthur; Shlegeris, Buck; "
     "Steinhardt, Jacob", "Interpretability in the Wild: a Circuit for Indirect Object Identification in "
     "GPT-2 small", 2023, "2211.00593", "logit differences, ablation of heads"),
    ("zhai2023entropy", "Zhai, Shuangfei; others", "Stabilizing Transformer Training by Preventing Attention "
     "Entropy Collapse", 2023, "2303.06296", "entropy of attention"),
    ("correia2019sparse", "Correia, Gon{\\c{c}}alo M.; Niculae, Vlad; Martins, Andr{\\'e} F. T.",
     "Adaptively Sparse Transformers", 2019, "1909.00015", "distance of attention maps"),
    ("belrose2023tuned", "Belrose, Nora; others", "Eliciting Latent Predictions from Transformers with the "
     "Tuned Lens", 2023, "2303.08112", "logit lens"),
    ("vaswani2017attention", "Vaswani, Ashish; others", "Attention Is All You Need", 2017, "1706.03762",
     "scaled dot-product attention"),
    ("su2021roformer", "Su, Jianlin; others", "RoFormer: Enhanced Transformer with Rotary Position Embedding",
     2021, "2104.09864", "rotary positions"),
    ("press2021alibi", "Press, Ofir; Smith, Noah A.; Lewis, Mike", "Train Short, Test Long: Attention with "
     "Linear Biases Enables Input Length Extrapolation", 2021, "2108.12409", "linear position biases"),
    ("salazar2020scoring", "Salazar, Julian; Liang, Davis; Nguyen, Toan Q.; Kirchhoff, Katrin",
     "Masked Language Model Scoring", 2020, "1910.14659", "pseudo-loss of masked models"),
    ("deyoung2020eraser", "DeYoung, Jay; others", "ERASER: A Benchmark to Evaluate Rationalized NLP Models",
     2020, "1911.03429", "comprehensiveness and sufficiency"),
    ("sundararajan2017axiomatic", "Sundararajan, Mukund; Taly, Ankur; Yan, Qiqi",
     "Axiomatic Attribution for Deep Networks", 2017, "1703.01365", "integrated gradients"),
    ("shrikumar2016black", "Shrikumar, Avanti; Greenside, Peyton; Shcherbina, Anna; Kundaje, Anshul",
     "Not Just a Black Box: Learning Important Features Through Propagating Activation Differences", 2016,
     "1605.01713", "gradient times input"),
    ("li2016erasure", "Li, Jiwei; Monroe, Will; Jurafsky, Dan",
     "Understanding Neural Networks through Representation Erasure", 2016, "1612.08220", "leave one out"),
    ("chefer2021generic", "Chefer, Hila; Gur, Shir; Wolf, Lior", "Generic Attention-model Explainability for "
     "Interpreting Bi-Modal and Encoder-Decoder Transformers", 2021, "2103.15679",
     "gradient-weighted attention"),
    ("nadeem2021stereoset", "Nadeem, Moin; Bethke, Anna; Reddy, Siva",
     "StereoSet: Measuring stereotypical bias in pretrained language models", 2021, "2004.09456",
     "scores of stereotypes"),
    ("powers2024gusnet", "Powers, Maximus; others", "GUS-Net: Social Bias Classification in Text with "
     "Generalizations, Unfairness, and Stereotypes", 2024, "2410.08388", "labels of biased words"),
)  # fmt: skip
"""Every preprint that the code cites; a test holds the two together."""
