# ruff: noqa: RUF001 - full-width forms, dashes and signs are meant
"""The words by which findings are recognised, as rows of data: one row a meaning, one line a language.

Nothing here is decided by a word alone: how often a shape is repeated weighs more (see `choose`).
Matching is on lower-cased text; words of scripts with spaces match whole words only.
"""

from __future__ import annotations

import re

from lok_core.models import Category, Severity

SEVERITY_WORDS: dict[Severity, str] = {
    "critical": """critical blocker blockers blocking p0 sev0 sev-0 severe catastrophic fatal must-fix
        showstopper kritisch kritische kritischer blockierend bloquant bloquante bloccante bloqueante
        critique critiques critico critica critici critiche crítico crítica críticos критический критично
        krytyczny 严重 致命 紧急 嚴重 致命的 緊急 クリティカル 심각 치명적 긴급""",
    "high": """high major p1 sev1 sev-1 important error serious hoch hohe hoher wichtig schwerwiegend
        élevé élevée haute majeur majeure alto alta altas alti alte grave importante importantes высокий
        высокая высокий wysoki 高 高危 重要 主要 重大 高优先级 높음 높은 중대 중요""",
    "medium": """medium moderate p2 sev2 sev-2 warning warnings med mittel mittlere mittlerer mäßig moyen
        moyenne modéré medio media medie medias moderado média médio средний средняя średni 中 中危 中等
        警告 中优先级 一般 中程度 보통 중간 경고""",
    "low": """low minor minors p3 sev3 sev-3 trivial niedrig niedrige gering geringe klein faible mineur
        mineure bas basso bassa bassi baixo baixa bajo baja leve menor minore низкий низкая niski 低 低危
        次要 轻微 轻度 低优先级 軽微 낮음 경미""",
    "info": """info informational information note notes nit nits nitpick nitpicks p4 p5 suggestion
        suggestions suggested advisory optional hinweis vorschlag info-only remarque sugerencia
        suggerimento nota cosmetic style 提示 建议 信息 建議 情報 参考 참고 정보""",
}
"""`error` and `warning` are levels of analysers; `medium-high` reads as its first word."""

SEVERITY_CELLS: dict[str, Severity] = {
    "상": "high",
    "중": "medium",
    "하": "low",
    "大": "high",
    "小": "low",
    "高": "high",
}
"""Believed only where nothing else stands beside them."""
AMBIGUOUS_WORDS = """error important serious information note notes style
     optional media alta alto bas menor cosmetic"""
"""Levels that are everyday words too: in a heading they count beside words like "issues" only."""

SEVERITY_SIGNS: dict[str, Severity] = {
    "🔴": "critical", "🚨": "critical", "⛔": "critical", "🛑": "critical",
    "🟠": "high", "🔶": "high", "🟡": "medium", "🔵": "low", "🟢": "low", "🔷": "low",
    "⚪": "info", "ℹ": "info", "🧹": "info",
}  # fmt: skip
OTHER_SIGNS = ("⚠", "❌", "✗", "❗", "‼", "💥", "💡", "📝", "🐛", "🔒", "⚡")
"""Signs that open an item or a line and grade nothing."""


LABELS: dict[str, str] = {
    "location": """location, locations, place, places, where, code location, source location,
        affected code, affected files, affected file, affected lines, affected locations, affected,
        file location, file/line, file & line, file:line, file and line, files/lines, file(s),
        file and lines, file/lines, vulnerable code at, reference, references, found in, in, at, pos,
        position, loc, ort, stelle, stellen, fundstelle, fundort, betroffene dateien, betroffene datei,
        betroffene dateien/module, betroffen, datei/zeile, datei:zeile, emplacement, localisation,
        fichier/ligne, fichiers concernés, fichier concerné, ubicación, ubicacion, localización,
        posizione, localização, localização no código, archivos afectados, archivo afectado,
        archivo/línea, file interessati, file coinvolti, file/riga, arquivos afetados, arquivo/linha,
        расположение, место, местоположение, lokalizacja, miejsce, 位置, 所在位置, 影响文件, 代码位置,
        问题位置, 文件位置, 涉及文件, 文件/行号, 文件与行号, 出现位置, 相关位置, 文件:行号, 場所, 箇所,
        該当箇所, 対象箇所, 該当コード位置, ファイル/行, 위치, 발생 위치, 해당 위치, 파일/라인, 파일 위치,
        파일:라인""",
    "file": """file, files, filename, file name, file path, filepath, path, paths, source file, module,
        modules, target file, datei, dateien, dateipfad, pfad, fichier, fichiers, chemin, archivo,
        archivos, fichero, ruta, percorso, arquivo, arquivos, caminho, файл, файлы, путь, plik, pliki,
        文件, 文件路径, 文件名, 路径, 相关文件, 檔案, ファイル, 対象ファイル, 対象, ファイルパス,
        ファイル名, 該当ファイル, 파일, 파일명, 파일 경로, 경로, 대상 파일, 관련 파일""",
    "line": """line, lines, line number, line numbers, line(s), line number(s), line no, line no.,
        line range, ln, line #, zeile, zeilen, zeile(n), zeilennummer, ligne, lignes, ligne(s), línea,
        líneas, linea, lineas, riga, righe, linha, linhas, строка, строки, linia, wiersz, 行, 行号, 行数,
        行番号, 行号范围, 代码行, 行範囲, 줄, 라인, 줄 번호, 라인 번호""",
    "severity": """severity, priority, level, rating, criticality, severity level, risk level,
        impact level, importance, severity rating, sev, schweregrad, schwere, priorität, dringlichkeit,
        gravité, sévérité, priorité, criticité, gravedad, severidad, prioridad, criticidad, gravità,
        priorità, severità, gravidade, severidade, prioridade, серьезность, серьёзность, приоритет,
        важность, критичность, priorytet, waga, 严重程度, 严重性, 严重级别, 优先级, 级别, 等级, 严重度,
        风险等级, 嚴重程度, 重大度, 深刻度, 優先度, 重要度, 심각도, 우선순위, 중요도, 위험도""",
    "title": """title, issue title, finding title, name, headline, titel, bezeichnung, titre, título,
        titolo, 标题, 標題, 问题标题, タイトル, 件名, 제목, заголовок, tytuł""",
    "problem": """issue, problem, bug, finding, issues, problems, bugs, findings, comments, remarks,
        remark, description, what, details, detail, explanation, observation, what's wrong, what is wrong,
        what’s wrong, vulnerability, defect, flaw, weakness, concern, root cause, cause, why, comment,
        message, summary, issue description, the problem, the issue, the bug, problem description,
        current behavior, current behaviour, actual, actual behavior, actual behaviour, error,
        what happens, why it is a problem, why it's a problem, why it’s a problem, why this is a problem,
        why it is wrong, rationale, analysis, reason, technical details, failure scenario, scenario,
        failure mode, missing, mistake, body, trigger, explanation/body, beschreibung, erklärung,
        erklärung mit codebezug, schwachstelle, ursache, befund, begründung, fehler, warum, problème,
        description du problème, constat, explication, défaut, pourquoi, descripción, problema, hallazgo,
        explicación, causa, por qué, descrizione, spiegazione, difetto, motivo, descrição, achado,
        explicação, описание, проблема, причина, ошибка, пояснение, opis, przyczyna, 问题, 问题描述, 描述,
        说明, 现象, 原因, 详情, 分析, 具体问题, 缺陷, 問題, 問題描述, 内容, 問題点, 説明, 詳細, 指摘,
        指摘内容, 理由, 現状, 問題の内容, 문제, 문제점, 설명, 내용, 상세, 원인, 이슈, 문제 설명, 이유,
        상세 설명""",
    "impact": """impact, risk, risks, why it matters, why this matters, consequence, consequences, effect,
        business impact, security impact, exploit, exploitation, attack vector, attack scenario,
        exploit scenario, result if ignored, auswirkung, auswirkungen, risikoauswirkung, folge, folgen,
        risiko, conséquence, conséquences, risque, impacto, consecuencia, riesgo, impatto, conseguenza,
        conseguenze, rischio, consequência, risco, последствия, влияние, риск, wpływ, skutek, 影响,
        影响范围, 风险, 后果, 危害, 影響, リスク, 影響範囲, 영향, 위험, 영향도, 영향 범위""",
    "fix": """fix, recommendation, recommendations, suggested fix, suggestion, suggestions, remediation,
        solution, proposed fix, how to fix, resolution, mitigation, action, suggested change,
        proposed change, recommended fix, recommended action, fix suggestion, fix required,
        proposed solution, the fix, required, required fix, required change, suggested improvement,
        improvement, corrected code, fixed code, patch, test to add, prompt for ai agent,
        prompt for ai agents, 🤖 prompt for ai agents, next step, action required, suggested test,
        missing test, example fix, expected, expected behavior, expected behaviour, verification, verify,
        test, tests, workaround, committable suggestion, empfehlung, lösung, vorschlag, behebung,
        maßnahme, lösungsvorschlag, abhilfe, korrektur, correction, recommandation, solution proposée,
        correctif, solución, recomendación, corrección, arreglo, soluzione, raccomandazione, correzione,
        suggerimento, correção, solução, recomendação, sugestão, solución propuesta, sugerencia, решение,
        рекомендация, исправление, предложение, rozwiązanie, rekomendacja, poprawka, 修复, 修复建议, 建议,
        解决方案, 改进建议, 修改建议, 建議, 修復建議, 修復, 改进, 优化建议, 修正, 修正案, 対応, 対策,
        推奨, 推奨対応, 改善案, 改善策, 修正方法, 提案, 対応案, 해결, 해결책, 해결 방법, 수정, 수정 방안,
        권장, 권장 사항, 권고, 개선 방안, 제안, 수정 제안, 개선안""",
    "quote": """code, snippet, quote, evidence, code snippet, current code, problematic code,
        offending code, excerpt, vulnerable snippet, vulnerable code, code excerpt, proof, beleg,
        code-ausschnitt, codeausschnitt, extrait, preuve, código, fragmento, evidencia, codice, prova,
        evidência, код, доказательство, kod, dowód, 代码, 代码片段, 证据, 当前代码, コード, 該当コード,
        根拠, 코드, 증거, 근거, 현재 코드""",
    "category": """category, type, kind, class, tag, tags, cwe, owasp, area, component, rule, rule id,
        check, kategorie, typ, art, catégorie, categoría, tipo, categoria, категория, тип, kategoria,
        类别, 分类, 类型, 种类, カテゴリ, カテゴリー, 種別, 種類, 분류, 유형, 카테고리, 종류""",
    "confidence": """confidence, certainty, likelihood, probability, exploitability, effort, cvss,
        cvss score, score, konfidenz, sicherheit der aussage, aufwand, confiance, effort estimé,
        confianza, esfuerzo, confidenza, confiança, уверенность, pewność, 置信度, 可信度, 信頼度, 確度,
        신뢰도, 확신도, fix effort, estimated effort""",
    "id": """id, finding id, issue id, #, number, no., nr., nr, no, ref, 编号, 序号, 番号, 번호, n°, №""",
    "status": """status, state, verdict, ok?, zustand, statut, estado, stato, статус, 状态, 結果, 状態,
        상태""",
    "also": """also applies to, also affects, also, see also, related, related files, related locations,
        other locations, additional locations, other occurrences, siehe auch, auch, voir aussi,
        véase también, vedi anche, 相关, 関連, 관련, 同样影响, 其他位置""",
}
"""Roles of field labels and of table columns."""

SECTIONS: dict[str, str] = {
    "problem": """finding findings issue issues problem problems bug bugs concern concerns defect defects
        vulnerability vulnerabilities weakness weaknesses improvement improvements improve improved risks
        comment comments violation violations blockers blocker flaws flaw errors mistakes observations
        nits nitpicks suggestions suggestion warnings regressions regression probleme problem fehler
        befunde schwächen mängel schwachstellen problèmes constats faiblesses problemas hallazgos errores
        debilidades problemi criticità difetti debolezze achados проблемы ошибки замечания 问题 缺陷 漏洞
        不足 发现 隐患 問題 問題点 指摘事項 指摘 改善点 改善提案 バグ 課題 懸念 문제 문제점 버그 취약점
        개선점 발견 이슈 problemy błędy uwagi""",
    "praise": """praise strengths strength positive positives good well fine liked like likes great
        excellent kudos pros correct correto correcto corretto korrekt highlights commendable compliments
        works worked working stärken gut positives positiv points-forts forts positifs fortalezas positivo
        positivos fortes aciertos positivi buone сильные хорошо плюсы 优点 亮点 做得好 良好 优势 良い点
        良かった点 優れた 強み 評価できる 장점 잘된 좋은 긍정적 mocne""",
    "skip": """scope legend methodology method approach reviewed checked inspected commands ran
        verification validation environment context background introduction glossary references appendix
        questions question changelog timeline metadata instructions prompt sources checklist inventory
        stats statistics metrics passed previous earlier dismissed done verified unaffected wontfix
        positives configuration commits umfang methodik vorgehen umgebung fragen anhang portée
        méthodologie alcance metodología ámbito metodologia escopo 范围 方法 说明文档 图例 背景 附录 参考
        統計 審查範圍 スコープ 対象範囲 レビュー対象 凡例 背景 概要 付録 범위 방법 개요 부록 배경 changed
        unchanged implemented added assumptions assumption tested resolved fixed applied selected
        untouched skipped verificado verificados verificato verificati vérifié vérifiés geprüft behoben
        résolu resuelto corregido""",
    "soft": """summary overview conclusion verdict recommendation recommendations next steps step action
        actions plan roadmap todo takeaways assessment overall executive statement outcome result results
        totals tests testing test coverage gaps follow-up followup follow-ups notes note reihenfolge
        zusammenfassung fazit empfehlungen maßnahmen gesamturteil überblick résumé conclusion
        recommandations resumen conclusión recomendaciones riepilogo sintesi conclusioni raccomandazioni
        resumo conclusão итог итоги вывод рекомендации 总结 结论 补充 备注 概述 总体评价 概览 行动计划
        后续步骤 總結 まとめ 補足 備考 総評 結論 推奨事項 総括 요약 결론 권장사항 총평 podsumowanie
        wnioski""",
}
"""What a heading announces. `soft` sections repeat what others told: read only when nothing else was told."""

CATEGORY_WORDS: dict[Category, str] = {
    "injection": "injection xss sqli sql-injection ssti xxe traversal 注入",
    "auth": """auth authentication authorization authorisation csrf session idor permission permissions
        privilege 认证 授权""",
    "secrets": "secret secrets credential credentials password passwords token hardcoded-secret api-key 密钥",
    "security": """security vulnerability crypto ssrf tls deserialization deserialisation sicherheit sécurité
        seguridad sicurezza 安全 セキュリティ 보안 безопасность""",
    "performance": """performance perf latency slow memory-leak n+1 leistung rendimiento prestazioni 性能
        パフォーマンス 성능""",
    "dead-code": "dead-code unused unreachable dead 未使用",
    "architecture": """architecture design coupling layering architektur architettura arquitectura 架构
        アーキテクチャ 아키텍처""",
    "errors": """error errors bug bugs correctness error-handling exception exceptions logic race concurrency
        reliability robustness crash functional potential_issue fehler 错误 逻辑 バグ 버그""",
    "patterns": """pattern patterns style maintainability readability convention conventions code-quality
        duplication typing naming refactor nitpick consistency 可维护性 代码质量""",
}
"""A category named by the text itself, never guessed from prose."""

GENERIC_WORDS = """the a an and or of in for to on with by & code quality review analysis audit report
    items item list category categories section part area areas backend frontend server client api
    database ui ux general other misc miscellaneous security performance architecture maintainability
    readability correctness reliability testing tests test documentation docs style naming logic errors
    error handling design details detailed detail key main new potential possible remaining additional
    specific by severity priority order ordered sorted file files module concrete konkrete found
    identified detected open outstanding number needs attention should must fix be can could what where
    most these pass passes previous new following level tier status problems issue issues bugs structure
    organization standards compliance detection practices best bug need dependency dependencies
    configuration config deployment concerns accessibility usability this pr pull request was were we i it
    branch commit repo repository project codebase accessibility usability data validation input
    authentication authorization injection secrets core logging 安全 性能 代码 质量 架构 一、 二、 三、
    四、 の 的 und der die das le la les de des du per di della e y et ed und i и と"""
"""Words that say where a list belongs and nothing about a problem."""

CLEAN = re.compile(
    r"""\b(?:no|zero|0|without(?:\ any)?|did\ ?n[o']t\ find\ (?:any)?|found\ no|not\ find\ any|nothing)\s+
        (?:\w+[\s-]+){0,4}?(?:issues?|problems?|findings?|bugs?|vulnerabilit(?:y|ies)|defects?|concerns?|
        regressions?|to\ report|errors?|flaws?|violations?)\b
    |\A\W{0,10}(?:lgtm|looks\ good|all\ (?:checks?|clear|good|looks\ good))\b
    |\bnothing\ to\ (?:report|fix|flag)\b
    |\bpatch\ is\ correct\b
    |\bkeine?\s+(?:\w+\s+){0,3}(?:probleme?|fehler|befunde?|schwachstellen|mängel)\b
    |\b(?:aucune?|pas\ de)\s+(?:\w+\s+){0,3}(?:problèmes?|bugs?|vulnérabilités?|erreurs?)\b
    |\b(?:ning[uú]n[oa]?|sin|no\ se\ (?:encontr\w+|han\ encontrado))\s+
        (?:\w+\s+){0,3}(?:problemas?|errores|hallazgos?)\b
    |\b(?:nessun[oa]?|senza)\s+(?:\w+\s+){0,3}(?:problem[ai]|errori?|vulnerabilità|criticità)\b
    |\bnenhum[a]?\s+(?:\w+\s+){0,3}(?:problemas?|erros?)\b
    |(?:没有|未|无)(?:发现|找到|明显|任何)?[^，。\n]{0,12}(?:问题|缺陷|漏洞)
    |問題(?:は|点は)?(?:ありません|見つかりません|なし)|指摘(?:事項)?(?:は)?(?:ありません|なし)
    |문제(?:가|점이|는)?\s?(?:없|발견되지)|проблем\s+не\s+(?:найдено|обнаружено)""",
    re.IGNORECASE | re.VERBOSE,
)
"""The text says that there is nothing to report."""

REFUSAL = re.compile(
    r"""\bi\s?(?:can(?:no|['’])t|won['’]t|am\ not\ able\ to|am\ unable\ to)\s
        (?:help|assist|do|review|comply|complete)\b
    |\b(?:i(?:['’]m|\ am)?\s+(?:sorry|unable|afraid)|i\s+can(?:no|['’])t|
        i\ could\ ?n['’]?o?t|as\ an\ ai|
        (?:could|can)\s?not\s+(?:access|read|open|find)|i\s+(?:do|did)(?:n['’]t|\ not)\s+have\s+access|
        please\s+(?:provide|share|paste)|rate\s?limit|too\ many\ requests|
        quota\ exceeded|api\ error|internal\ server\ error|
        traceback\ \(most\ recent|timed?\ ?out)\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""Refusals and errors that mention what a review would mention; no clean bill either."""

ONLY_PARTLY = re.compile(
    r"\b(?:apart\s+from|except|other\s+than|besides|beyond|but|however|otherwise|other|further|additional|else"
    r"|(?:in|with|for)\s+(?:the\s+)?(?:tests?|rest|others?|`[^`]+`))\b|\b(?:in|with|for)\s+`",
    re.IGNORECASE,
)
"""In the sentence of a clean bill: it is one for a part only."""

EXPLAINS = re.compile(
    r"\b(?:walk-?\s?through|how .{1,60} (?:works?|travels?|flows?|is structured)|architecture overview|"
    r"here(?:'s| is) (?:how|an overview|an explanation)|tour of|guide to|explanation of)\b",
    re.IGNORECASE,
)
"""The text explains code and reviews nothing."""

GOOD_SIGNS = ("✅", "✔", "👍", "🎉", "☑", "🌟", "⭐", "👏", "✓", "💚", "💯")
GOOD_ITEM = re.compile(
    r"""^(?:good|positive|ok|okay|fine|praise|pass(?:ed)?|correct|strength|nice|well\ done|resolved|fixed|
        done|great|excellent|gut|positiv|bien|bon|buono|bene|良い点?|良好|优点|正常|좋음|양호|none|n/?a|
        no\ (?:issues?|findings?|problems?|changes?)(?:\ (?:found|detected|identified))?|not\ applicable|
        keine|aucune?|无|没有|なし|ninguno|nessuno|없음)
        \s*(?:$|[:：.。!（(—–-])
    |^(?:(?:this|it|all|code|rest|the\ rest|everything(?:\ else)?)\s)?(?:looks?|is|are|seems?)\s(?:all\s)?
        (?:fine|good|ok(?:ay)?|correct|right|clean|great|solid)\b
    |^(?:the\ rest|everything\ else|all\ other|il\ resto|der\ rest|alles\ andere|
        le\ reste|el\ resto|o\ resto|其余|その他は|나머지)\b
    |^(?:much\ better|agreed|lgtm|nice(?:ly)?(?!\ to)|well\ (?:done|written|tested)|thanks|
        thank\ you|positiv\b|kudos|nothing\ (?:to|else)|nice(?:ly)?\ (?:use|work))\b
    |.{1,200}[,;—–-]\s?(?:ok|lgtm|passed|no\ issues?(?:\ found)?|well\ done)[.!]?$""",
    re.IGNORECASE | re.VERBOSE,
)

GOOD_WORDS = re.compile(
    r"\b(?:looks?|seems?|reads?) (?:very |quite |all |really )?"
    r"(?:good|fine|right|ok(?:ay)?|solid|correct|clean|tidy|great)\b|"
    r"\bwell[- ](?:done|written|tested|structured|covered|documented)\b|"
    r"\bhandles? .{1,40} well\b|\bno (?:concerns|complaints)\b|"
    r"\bgood (?:tests?|coverage|job|work|use|separation)\b|nothing to (?:add|fix|report)|"
    r"\breads? well\b|\b(?:nicely|exemplary|commendabl[ey])\b",
    re.IGNORECASE,
)
STATUS_GOOD = re.compile(
    r"^\W{0,4}(?:ok|pass(?:ed|es)?|good|fixed|resolved|done|closed|clean|n/?a|none|✅|✔|correct|verified|"
    r"yes|implemented|complete[d]?|false positive|dismissed|not an issue|wontfix|"
    r"通过|正常|已修复|良好|問題なし)\W{0,4}$",
    re.IGNORECASE,
)


SEVERITY_OF: dict[str, Severity] = {
    word: severity for severity, row in SEVERITY_WORDS.items() for word in row.split()
}
ROLE_OF: dict[str, str] = {
    " ".join(phrase.split()): role for role, row in LABELS.items() for phrase in row.split(",")
}
AMBIGUOUS = frozenset(AMBIGUOUS_WORDS.split())
SECTION_OF: dict[str, str] = {word: kind for kind, row in SECTIONS.items() for word in row.split()}
CATEGORY_OF: dict[str, Category] = {
    word: category for category, row in CATEGORY_WORDS.items() for word in row.split()
}
GENERIC: frozenset[str] = frozenset([*GENERIC_WORDS.split(), *SECTION_OF, *SEVERITY_OF])
