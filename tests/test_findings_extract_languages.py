# ruff: noqa: RUF001 - reviews as they are written
"""Reviews told as other languages and scripts: where the problems are."""

from __future__ import annotations

import pytest

from lok_core.findings.told import told

CASES = {
    "chinese_labels_on_one_line": (
        """\
1. 文件：cmd/main.go，行号：12，严重程度：高，问题：启动时没有检查配置
2. 文件：cmd/run.go，行号：30-35，严重程度：低，问题：重复代码
""",
        [("cmd/main.go", 12), ("cmd/run.go", 30)],
    ),
    "korean_list": (
        """\
## 코드 리뷰 결과

### 심각
1. **세션 만료 누락** - `server/auth/session.py` 42번째 줄
   - 문제: 로그아웃해도 토큰이 계속 유효합니다.
   - 해결: 저장소에서 토큰을 삭제하세요.

### 보통
2. **N+1 쿼리** - `server/api/list.py` 10~18행
   - 문제: 항목마다 쿼리를 한 번씩 실행합니다.

## 장점
- `server/db.py`의 트랜잭션 처리가 깔끔합니다.
""",
        [("server/auth/session.py", 42), ("server/api/list.py", 10)],
    ),
    "korean_table": (
        """\
| 파일 | 라인 | 심각도 | 내용 |
|---|---|---|---|
| `src/a/Pay.kt` | 31 | 높음 | 금액을 Double로 계산합니다 |
| `src/a/Refund.kt` | 77-80 | 낮음 | 사용하지 않는 매개변수 |
""",
        [("src/a/Pay.kt", 31), ("src/a/Refund.kt", 77)],
    ),
    "italian_labels": (
        """\
## Problemi critici

### 1. Password in chiaro nei log
**File:** `src/auth/LoginService.java`
**Riga:** 54
**Descrizione:** La password viene scritta nel log a livello INFO.
**Soluzione:** Rimuovere il parametro.

### 2. Connessione non chiusa
**File:** `src/db/Pool.java`
**Righe:** 101-110
**Descrizione:** In caso di eccezione la connessione resta aperta.
""",
        [("src/auth/LoginService.java", 54), ("src/db/Pool.java", 101)],
    ),
    "spanish_list": (
        """\
## Hallazgos

1. **Inyección SQL** (Crítica)
   - Archivo: `app/Repositorio.php`
   - Línea: 44
   - Descripción: el parámetro se concatena en la consulta.

2. **Falta de validación** (Media)
   - Archivo: `app/Formulario.php`
   - Líneas: 12 a 20
   - Descripción: se aceptan importes negativos.
""",
        [("app/Repositorio.php", 44), ("app/Formulario.php", 12)],
    ),
    "french_headings": (
        """\
### 1. [Critique] Mot de passe en clair
Fichier : `src/Compte.php`
Ligne : 30
Problème : le mot de passe est écrit dans le journal.
Correction : le supprimer.

### 2. [Mineur] Import inutile
Fichier : `src/Menu.php`
Ligne : 4
Problème : la classe n'est pas utilisée.
""",
        [("src/Compte.php", 30), ("src/Menu.php", 4)],
    ),
    "japanese_headings": (
        """\
## 指摘事項

### 1. 【重要】トークンが失効しない
- **ファイル**: `auth/token.py`
- **行**: 10行目
- **内容**: ログアウト後も使えます。

### 2. 【軽微】エラー処理なし
- **ファイル**: `auth/hash.py`
- **行**: 22〜24行目
- **内容**: 例外が無視されます。
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "korean_levels": (
        """\
| 번호 | 위험도 | 위치 | 설명 |
|---|---|---|---|
| 1 | 상 | auth/token.py:10 | 로그아웃 후에도 토큰이 유효함 |
| 2 | 하 | auth/hash.py:22 | 72바이트에서 잘림 |
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "chinese_function_between": (
        """\
1. `auth/token.py` 的 `logout` 函数（10-14 行）没有删除会话。
2. `auth/hash.py` 的 `make` 函数（22 行）截断密码。
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "korean_particle_behind_the_line": (
        """\
발견된 문제

1. auth/token.py:10에서 토큰이 폐기되지 않습니다.
2. auth/hash.py:22에서 비밀번호가 잘립니다.
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "names_in_other_scripts": (
        """\
- `文档/设计.md:12` 描述了已删除的接口
- `src/页面/登录.vue` 第 30 行没有校验
""",
        [("文档/设计.md", 12), ("src/页面/登录.vue", 30)],
    ),
    "japanese_bullets": (
        """\
指摘事項：

・auth/token.py:10 トークンが失効しません
・auth/hash.py:22 パスワードが切り捨てられます
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "full_width_colon": (
        """\
1. auth/token.py：10 令牌没有失效
2. auth/hash.py：22 密码被截断
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_each_problem_is_found_at_its_place(text, expected):
    places = [problem.locations[0] if problem.locations else None for problem in told(text).problems]
    assert [place and (place.path, place.line) for place in places] == expected
