// Reviews that show where models differ; `home.example_KEY` names each, `home.hint_KEY` says what to look at.

export const EXAMPLES = [
  { key: "an", text: "하나도 안 지루해요" },
  { key: "mot", text: "추천은 못 하겠습니다" },
  { key: "ji", text: "훌륭하지는 않았다" },
  { key: "turn", text: "연기도 영상도 음악도 다 좋았는데 결말이 전부 망쳤다" },
  {
    key: "beginning",
    text:
      "올해 본 영화 중 최악이었다. 어느 작은 마을에 사는 소년이 어느 날 편지를 한 통 받는다. " +
      "편지를 들고 그는 기차를 타고 도시로 간다. 도시에서 그는 한 노인을 만나고, 두 사람은 함께 바다로 떠난다. " +
      "여름이 끝날 무렵 소년은 마을로 돌아온다. 음악은 피아노가 대부분이다.",
  },
  { key: "spacing", text: "안보면후회합니다" },
  { key: "slang", text: "다들 노잼이라더니 완전 꿀잼" },
  {
    key: "hours",
    text:
      "주 52시간이라는데 사무직은 초근도 못하고, 추가 수당도 없고, 일은 집에 가져가서 합니다. 헬입니다. " +
      "그런데 생산직은 좋겠죠.",
  },
];
