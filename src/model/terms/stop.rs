//! Words that say how something is asked and not what.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::Language;
use super::words::fold;

/// Words of a question that carry no meaning, in lower case and without accents. Contractions stand as
/// `words` leaves them.
const ENGLISH: &str = "a about above actually after again all also am an and any anybody anyone anything are arent as \
    ask at be because been before being below between both but by can cannot cant could couldnt did didnt do does \
    doesnt doing dont down during each either else ever every few find for from further get give go going got had \
    hadnt has hasnt have havent having he hello help her here hers herself hey hi him himself his hows how however i \
    if im in into is isnt it its itself ive just kind know let like lot make many may maybe me mean might more most \
    much must my myself need needs no nor not now of off ok okay on once one only or other our ours ourselves out \
    over own per please possible quite rather really right same say see shall she should shouldnt show so some \
    somebody someone something still such sure take tell than thank thanks that thats the their theirs them \
    themselves then there theres these they thing things think this those though through to too under until up us \
    use using very want wants was wasnt way we well were werent what whats when where whether which while who whom \
    whose why will with within without wont would wouldnt yeah yes yet you your yours yourself yourselves";
const SPANISH: &str = "a ahora al algo alguien algun alguna algunas alguno algunos alli ante antes aqui asi aun aunque \
    ayuda ayudame bien bueno cada como con contra cosa cosas cual cuales cualquier cuando cuanta cuantas cuanto \
    cuantos da dame de debe deben debo decir del desde dice dime donde dos el ella ellas ellos en entonces entre era \
    eran eres es esa esas ese eso esos esta estaba estan estas este esto estos estoy etc favor fue fueron gracias ha \
    haber habia hace hacen hacer haces hago han hasta hay haya he hola la las le les lo los mas me mi mis mismo mucha \
    muchas mucho muchos muy nada ni no nos nosotros nuestra nuestras nuestro nuestros o os otra otras otro otros para \
    pero poco podemos por porque pude puede pueden puedes puedo pues que quien quienes quiere quiero saber se sea sean \
    segun ser si sido siempre sin sobre solo son soy su sus tal tambien tan tanto te tener tengo ti tiene tienen \
    tienes toda todas todavia todo todos tu tus un una unas uno unos usted ustedes va vamos voy y ya yo";
const PORTUGUESE: &str = "a agora ai ajuda ajude alem algo alguem algum alguma algumas alguns ainda ante antes ao aos apos \
    aquela aquelas aquele aqueles aquilo as assim ate bem boa bom cada coisa coisas com como contra cujo da dao daquele \
    das de dela delas dele deles depois desde dessa desse desta deste deve devem devo diga dizer do dos duas e ela elas \
    ele eles em enquanto entao entre era eram essa essas esse esses esta estao estas estava este estes estou eu faco faz \
    fazem fazer favor foi foram ha isso isto ja la lhe lhes mais mas me mesma mesmo meu meus minha minhas muita muitas \
    muito muitos na nada nao nas nem nenhum nenhuma nessa nesse nesta neste no nos nossa nossas nosso nossos num numa o \
    obrigada obrigado oi ola onde os ou outra outras outro outros para pela pelas pelo pelos pode podem podemos poderia \
    pois por porque posso pouco pra qual quais qualquer quando quanta quantas quanto quantos que quem quer quero saber \
    se seja sem sempre ser seu seus si sim so sob sobre sou sua suas tal tambem tao te tem temos tenho ter teu toda \
    todas todo todos tu tua tudo um uma umas uns vai vamos voce voces vou";
const FRENCH: &str = "a afin ai aide ainsi alors apres as au aucun aucune aussi autre autres aux avait avant avec avez \
    avoir avons beaucoup bien bon bonjour c ca car ce ceci cela celle celles celui ces cet cette ceux chaque chez chose \
    choses comme comment contre d dans de depuis des deux devrais dire dis dit doit doivent donc dont du elle elles en \
    encore entre es est et etaient etait etant etc ete etes etre eu eux fait faire fais faut font hors ici il ils j je \
    jusque l la le les leur leurs lors lui m ma mais me meme memes merci mes mieux moi moins mon n ne ni non nos notre \
    nous on ont ou par parce pas peu peut peuvent peux plait plus plusieurs pour pourquoi pourrais pouvez pouvoir qu \
    quand que quel quelle quelles quelque quelques quels qui quoi s sa salut sans savoir se selon sera ses si sinon son \
    sont sous suis sur t ta tandis te tel telle tes toi ton tous tout toute toutes tres trop tu un une va vais veut veux \
    vers voici voila vos votre voudrais vous vraiment y";
const GERMAN: &str = "aber alle allem allen aller alles als also am an andere anderen anderer anderes auch auf aus bei bin \
    bis bist bitte brauche da dabei dadurch dafur damit danach danke dann daran darauf darf das dass davon dazu dein \
    deine deinem deinen deiner dem den denn der des deshalb dich die dies diese diesem diesen dieser dieses dir doch \
    dort du durch ein eine einem einen einer eines einfach einige einmal er es etwas euch euer eure fur gegen geht gern \
    gibt hab habe haben hallo hast hat hatte hatten hier hilf hilfe hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren \
    ihrer im in ins ist ja jede jedem jeden jeder jedes jetzt kann kannst kein keine keinem keinen keiner konnen konnte \
    konnten mache machen macht mal man manche mehr mein meine meinem meinen meiner mich mir mit mochte muss mussen nach \
    nein nicht nichts noch nun nur ob oder ohne sag sage schon sehr sein seine seinem seinen seiner seit selbst sich sie \
    sind so soll sollen sollte sollten sollst sondern sonst um und uns unser unsere unter viel viele vielen vom von vor \
    wann war waren warum was weil welche welchem welchen welcher welches wem wen wenn wer werde werden weshalb wessen \
    wie wieso wieviel will willst wir wird wirst wo wofur woher wohin worden wozu wurde wurden wusste wissen zeig zu zum \
    zur zwischen";

static LISTS: LazyLock<[(Language, HashSet<&'static str>); 5]> = LazyLock::new(|| {
    Language::ALL.map(|language| {
        let list = match language {
            Language::English => ENGLISH,
            Language::Spanish => SPANISH,
            Language::Portuguese => PORTUGUESE,
            Language::French => FRENCH,
            Language::German => GERMAN,
        };
        (language, list.split_whitespace().collect())
    })
});

/// True for a word that `language` uses to ask.
pub(super) fn is_stop(language: Language, word: &str) -> bool {
    let mut lists = LISTS.iter();
    lists.any(|(known, list)| *known == language && list.contains(fold(word).as_str()))
}

/// The language whose stop words a question holds most; English where none are, or as many. A question has too few
/// words, typed too carelessly, for [`super::language()`]; taking the wrong list costs it little.
pub(super) fn language_of<'a>(words: impl Iterator<Item = &'a str> + Clone) -> Language {
    let hits = |language| words.clone().filter(|word| is_stop(language, word)).count();
    let mut best = (Language::English, 0);
    for language in Language::ALL {
        let count = hits(language);
        if count > best.1 {
            best = (language, count);
        }
    }
    best.0
}
