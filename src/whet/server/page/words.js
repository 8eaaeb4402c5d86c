// What the page says, in English and Korean.
const WORDS = {
  skip: ["To the text", "입력란으로 이동"],
  language: ["Language", "언어"],
  report: ["Report of the run", "학습 보고서"],
  locked: ["This server asks for a token", "토큰이 필요한 서버입니다"],
  token: ["Token", "토큰"],
  unlock: ["Use it", "사용"],
  "wrong token": ["The token is not the right one.", "토큰이 올바르지 않습니다."],
  try: ["Try the model", "모델 사용해 보기"],
  text: ["Text", "텍스트"],
  "first text": ["First text", "첫 번째 텍스트"],
  text2: ["Second text", "두 번째 텍스트"],
  send: ["Predict", "예측"],
  keys: ["Ctrl + Enter sends, too", "Ctrl + Enter로도 보낼 수 있습니다"],
  sure: ["{share} sure", "확률 {share}"],
  unsure: ["unsure", "판단 보류"],
  "unsure of": ["{share} at most", "최대 확률 {share}"],
  none: ["no label", "해당 레이블 없음"],
  "of several": ["{count} of {all} labels", "레이블 {all}개 중 {count}개"],
  "why label": ["Words that speak for {label}", "{label}(이)라고 판단한 근거 단어"],
  "why value": ["Words that raise the number", "값을 높인 단어"],
  "why note": [
    "Tinted: without the word the answer would be less sure. Tinted and underlined: more sure.",
    "색칠된 단어는 빼면 확률이 낮아지고, 색과 밑줄이 함께 있는 단어는 빼면 확률이 높아집니다.",
  ],
  cut: ["The text is longer than what the model sees: part of it was left out.",
    "텍스트가 모델이 읽을 수 있는 길이보다 길어 일부만 사용했습니다."],
  file: ["Label a file", "파일 예측"],
  "file about": [
    "A csv whose first line names its columns. Nothing of it is kept on the server.",
    "첫 줄이 열 이름인 csv 파일입니다. 서버에는 아무것도 저장되지 않습니다.",
  ],
  drop: ["Choose a csv, or drop it here", "csv 파일을 선택하거나 여기에 끌어다 놓으세요"],
  column: ["Column of the texts", "텍스트 열"],
  column2: ["of the second texts", "두 번째 텍스트 열"],
  start: ["Start", "시작"],
  stop: ["Stop", "중지"],
  done: ["{done} of {all} rows", "{all}행 중 {done}행 완료"],
  stopped: ["Stopped after {done} of {all} rows", "{all}행 중 {done}행에서 중지했습니다"],
  download: ["Download the answers ({done} rows)", "결과 내려받기({done}행)"],
  "no rows": ["The file has no rows under its first line.", "첫 줄 아래에 데이터가 없습니다."],
  "not utf-8": ["The file is not UTF-8. Save it as UTF-8 csv.", "UTF-8 파일이 아닙니다. UTF-8 csv로 저장해 주세요."],
  "bad csv": ["Line {line} is no csv: {why}", "{line}번째 줄이 csv 형식이 아닙니다: {why}"],
  quote: ["a quotation mark is not closed", "따옴표가 닫히지 않았습니다"],
  cells: ["it has {found} cells and the first line {expected}", "칸이 {found}개인데 첫 줄은 {expected}개입니다"],
  "too large": ["The file is larger than {size} MB: use whet predict --file.",
    "파일이 {size} MB보다 큽니다. whet predict --file을 사용하세요."],
  past: ["What was tried", "사용 기록"],
  forget: ["Clear", "지우기"],
  footer: ["Served by whet", "제공: whet"],
  waiting: ["The server is busy; trying again.", "서버가 혼잡하여 다시 시도하는 중입니다."],
  unreachable: ["The server does not answer.", "서버가 응답하지 않습니다."],
  overloaded: ["The server is busy. Try again in a moment.", "서버가 혼잡합니다. 잠시 후 다시 시도하세요."],
  timeout: ["There was no answer in time. A shorter text is faster.", "제시간에 응답하지 못했습니다. 더 짧은 텍스트로 시도해 보세요."],
  body_too_large: ["The text is too long.", "텍스트가 너무 깁니다."],
  refused: ["The server refused: {why}", "서버가 요청을 거부했습니다: {why}"],
};

let column = 0;

export function speak(lang) {
  column = lang === "ko" ? 1 : 0;
  document.documentElement.lang = lang;
  for (const each of document.querySelectorAll("[data-word]")) each.textContent = say(each.dataset.word);
}

export function knows(key) {
  return key in WORDS;
}

export function say(key, values = {}) {
  return WORDS[key][column].replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

export function preferred() {
  return navigator.language.toLowerCase().startsWith("ko") ? "ko" : "en";
}
