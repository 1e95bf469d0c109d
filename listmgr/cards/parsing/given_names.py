"""Given names that are common in Europe, without their marks, as names are compared."""

from __future__ import annotations

from listmgr.cards.parsing.vocabulary import words

GIVEN_NAMES = words("""
    adam adela adele adelheid adolf adrian adriana adrien agata agnes agnete agnieszka ahmed
    ahmet ailin aino aisha akira alain alan albert alberto albrecht aldo alejandro aleksandar
    aleksander aleksandra aleksi alena alessandra alessandro alessia alex alexander alexandra
    alexandre alexei alexis alfie alfons alfred alfredo ali alice alicia alina aline alma alois
    alwin amanda amelie amir amit ana anabel anastasia anders andre andrea andreas andree andrei
    andrej andres andrew andrzej andy anette angel angela angelika angelo angharad anika anil
    anita anja anke ann anna annabelle anne annegret annelie anneliese annemarie annette annick
    annie annika anouk ansgar anthony antje antoine anton antonella antonia antonin antonio
    antti aoife apolline arend ariane arjen arjun arkadiusz armand armin arnaud arndt arne arno
    arnold arthur artur arturo asa asbjorn ashley ashok astrid athanasios attila august auguste
    aurelia aurelie austin axel ayse aziz baptiste barbara barry bart bartosz bas bastian
    bastien beata beate beatrice beatrix beatriz ben benedikt bengt benjamin benno benoit beppe
    berend berit bernadette bernard bernd bernhard bert bertold bertrand bettina betty bianca
    birger birgit birgitta birte bjarne bjorn bo bodo bogdan bogdana bojan boris bozena brandon
    branko brian brigitta brigitte britta bruce bruno burak burkhard callum camilla camille can
    carina carine carl carla carlo carlos carmen carola carolin carolina caroline carsten carys
    catalin catarina catherine cecile cecilia cecilie cedric celia celine cem cesar chantal
    charles charlotte chiara chloe chris christa christel christer christian christiane
    christina christine christof christoph christophe christopher ciaran cigdem cindy claas
    claire clara claude claudia claudine claudio claus clemence clemens clement clementine
    colette colin conny conrad constance constantin constanze corina corinna corinne cornelia
    cornelis craig cristian cristina cyril cyrille dagmar dagny damian damien dan dana daniel
    daniela daniele danielle danuta daphne dario dariusz darren dave david davide deborah deepak
    deirdre dejan denis denise deniz derek detlef detlev diana diane didier diego dieter dietmar
    dietrich dimitri dimitrios dina dino dirk dominic dominik dominika dominique don donald
    donata dora doreen doris dorota dorothea dorothee dorothy doug douglas dragan duncan dunja
    dusan ebba ebbe eberhard eckart eckhard eddy edeltraud edgar edith eduard eduardo edward
    edyta eero eetu egon eileen einar eino elena eleni eleonora eleonore elfriede eliane elias
    elif elin elisa elisabeth elise elizabeth elke ella ellen elmar elodie elsa elvira emanuel
    emil emile emilia emilie emily emma emmanuel emmanuelle emre enno enrico enrique eric erica
    erich erik erika erkki ernst erwin esben esra estelle esther eugen eugenia eugenie eugenio
    eva evelin eveline evelyn evelyne ewa ewald ewan fabian fabien fabienne fabio fabrice
    fabrizio fanny farid fatima fatma federica federico felicitas felipe felix ferdinand fergus
    fernando filip filippo finn fiona flavia flavio florence florent florian floriane frances
    francesca francesco francine francis francisco franck franco francois francoise frank frans
    frantisek franz franziska fraser fred freddy frederic frederik frederique fredrik frida
    frieda friedericke friederike friedhelm friedrich fritz gabi gabor gabriel gabriela gabriele
    gabriella gabrielle gael gaelle gareth gary gaspard gaston geert geoffrey georg george
    georges georgia georgios gerald geraldine gerard gerd gerda gerhard gerlinde germain gero
    gert gerta gertrud gethin ghislaine giacomo gian gianluca gianni gilbert gilles gina giorgia
    giorgio giovanna giovanni gisela gitta giulia giulio giuseppe giuseppina glenn gloria goetz
    gokhan goran gordon gottfried grace graham grazia greg gregoire gregor gregory greta grit
    grzegorz gudrun guido guillaume guillermo gunda gundula gunhild gunilla gunnar gunter
    gunther gustav gustavo guy gwen gwendoline hakan halina hamza hanna hannah hanne hannelore
    hannes hannu hans hanspeter harald harm harri harriet harro harry hartmut hartwig haruto
    hasan hassan hector hedda hedwig heidemarie heidi heidrun heike heikki heiko heiner heinrich
    heinz helen helena helene helga helge hella helle helmut helmuth henderik hendrik hendrika
    henning henri henrietta henriette henrik henry herbert heribert hermann hermine herta herve
    hilary hilda hilde hildegard hiltrud hiroshi holger horst hubert hugh hugo hulya humbert
    hunter hussein ian ibrahim ida ignacio igor ilka ilona ilse ilyas imke imogen imre ina ines
    inga inge ingeborg inger ingmar ingo ingolf ingrid ingvild ioan ioana ioannis ion irena
    irene irina iris irma irmgard isabel isabell isabella isabelle ismail istvan ivan ivana ivo
    ivonne iwona jaap jack jackie jacob jacqueline jacques jakob jakub jamal james jan jana jane
    janet janina janine janis jannik janos janusz jari jaromir jaroslav jaroslaw jasmin jason
    jaume javier jean jeanette jeannette jeannine jelena jenni jennifer jenny jens jerome jerzy
    jesper jessica jesus jette jill jim jiri jitka jo joachim joan joanna joao joaquin jocelyn
    jochen joe joel joelle johan johann johanna johannes john jolanta jon jonas jonathan jonny
    joonas joost jordan jordi jorg jorge jorgen jose josef josefine joseph josephine josette
    josip joy juan juana judit judith juha jukka jules julia julian juliane julie julien
    juliette julio julius juraj jurgen jurij justine justyna jutta jyrki kai kaisa kaj kalle
    kamil kamila karel karen karim karin karina karl karla karlheinz karol karolina karoline
    karsten kasper katalin katarina katarzyna kate katerina katharina katherine kathleen kathrin
    kathy katja katrin kavita kay kazimierz keith kelly kemal ken kenji kenneth kerstin kevin
    khalid kilian kim kirsi kirsten kirsti kjell klaas klara klaus klemens knud knut konrad
    konstantin konstantinos konstanze korbinian kris krista kristian kristiane kristiina kristin
    kristina kristof krystyna krzysztof kurt lajos lara lars lasse laszlo laura laure laurence
    laurent lauri laurin lea leander leif leila lena lene leni lennart leo leon leonard leonardo
    leonhard leonie leonora leonore leopold leszek li liam lidia liesbeth lieselotte lili
    liliana liliane lilly lilo lina linda linh linn lino linus lionel lisa lisbeth lise
    liselotte liv livia lizzie logan lorena lorenz lorenzo loris lothaire lothar louis louise
    loup lubos luc luca lucas lucia luciana luciano lucie lucien lucienne ludek ludger ludivine
    ludmila ludovic ludwig luigi luis luisa luise lukas lukasz lutz lydia lydie lynn maarten
    madison mads maeve magali magda magdalena magnus maik maike maja malgorzata malin malte
    mandy manfred manon manuel manuela mara marc marcel marcela marcella marcello marcelo marcin
    marco marcos marcus mareike marek maren margaret margareta margarete margarita margaux
    margit margot margrit marguerite maria mariana marianne marie mariette marija marijke
    marilyn marina marine mario marion marisa marit marita marius mariusz mark marketa marko
    markus marlene marlies marlis marta marten martha martijn martin martina martine marvin mary
    marzena massimo mateusz mathew mathias mathieu mathilde mathis matteo matthew matthias
    matthieu matthijs matti mattias maud maura maureen maurice mauricio maurizio mauro max
    maxence maxim maxime maximilian mechthild megan mehmet meike mel melanie melina melissa
    mercedes merete merja merle meryem metin mia micha michael michaela michal michel michela
    michele micheline michelle mick miguel mihai mika mikael mike mikko miklos mikolaj mila
    milan milena ming minh minna mira miranda mireille mirela miriam mirjam mirko miroslav
    miroslaw mitja mohamed mohammed moira monica monika monique morgan morgane moritz morten
    muhammad murat muriel mustafa myriam nadege nadia nadine nadira nadja nancy nanna naomi
    natacha natalia natalie natascha natasha nathalie nathan neha neil nele nelly nenad neven
    nevena niall nicholas nick nicklas nico nicola nicolai nicolas nicole nicoletta niels nigel
    nigella nikita niklas niko nikola nikolai nikolaos nikolaus nikolina nils nina nino noah
    noel noelle noemi nora norbert norma norman nuno oda oddvar odile olaf olav ole oleg olga
    oliver olivia olivier olof omar onno orlando oscar oskar osman ottmar otto outi ovidiu owen
    oyvind ozlem pablo padraig paivi paola paolo pascal pascale patric patrice patricia patricio
    patrick patrizia patryk paul paula paulina pauline paulo pavel pavlina pawel pedro peer
    pekka penelope per perrine peter petr petra petri petros phil philip philipp philippa
    philippe pia pier pierre pierrick pieter pietro pilar piotr polly poppy priscilla priya
    przemyslaw quentin rachel rachid radek radoslaw radu rafael rafal raffaele ragnhild rahel
    rahul raik raimund rainer raisa rajesh ralf ralph ramon ramona randi raoul raphael raquel
    rashid rasmus raul ray raymond rebecca rebekka regina reginald regine regis reiner reinhard
    reinhold reinier remco remi remy renata renate renato rene renee reto reza rhys ria ricarda
    ricardo riccardo richard rick riitta rikke rita rob robbert robert roberta roberto robin
    rocio rodolfo rodrigo roger roland rolande rolf romain roman romana romina romy ron ronald
    ronja ronny rosa rosalie rosanna rosario rose roselyne rosemarie rosemary rosina ross
    roswitha roxane roy ruben rudi rudiger rudolf rudy rui rupert ruslan russell ruth ryan
    ryszard saara sabina sabine sabrina sally salvador salvatore sam samantha sami samir samira
    samuel samuli sander sandra sandrine sandro sanja sanjay sanna sara sarah sascha sasha
    saskia satu sean sebastiaan sebastian sebastien selim selin selina selma seppo serena serge
    sergei sergio serkan severin severine sharon shaun sheila shirley sibylle siegfried
    sieglinde siegmund siegrun sigrid sigrun sigurd sigve silke silvana silvia silvie silvio
    simon simona simone siobhan siri slawomir slobodan snezana sofia sofie solange solveig sonia
    sonja sophia sophie soren stanislav stanislaw stefan stefania stefanie stefano steffen
    steffi stella sten stephan stephane stephanie stephen steve steven stig stuart sue sunita
    sunniva susan susana susann susanna susanne suse suzana suzanne sven svenja svetlana swen
    sybille sylke sylvain sylvaine sylvia sylviane sylvie szymon tadeusz tamara tamas tania
    tanja tarik tatiana tatjana taylor ted teemu teodor teresa terje terry tessa thanh thea theo
    theodor theresa therese theresia thibault thibaut thierry thies thijs thilo thomas thor
    thorben thorsten thyra tibor tihomir tiina till tilman tim timm timo timothy tina tino titus
    tjark tobias toby todd tolga tom tomas tomasz tomislav tommaso tommy toni tonia tony tor
    torben torbjorn tore torsten toshi tove traudl traute trevor trine tristan truls tuomas
    tyler ulf uli ulla ulrich ulrik ulrike umberto urban urs ursula urszula urte uta ute uwe
    vaclav valentin valentina valeria valerie vanessa vasco vera verena veronica veronika
    veronique vesna vicente vicky victor victoria vikram viktor viktoria ville vilma vincent
    vincenzo viola violeta violetta virginia virginie vit vittorio vivian viviane vladimir
    volkan volker volkmar waldemar walter waltraud wanda wei wendelin wendy wenzel werner wiebke
    wieland wieslaw wilfried wilhelm wilhelmina will willem willi william willy wim winfried
    witold wojciech wolf wolfgang wolfram xaver xavier yann yannick yasemin yasmin yuki yusuf
    yves yvette yvonne zachary zbigniew zdenek zeljko zeynep zita zoe zoltan zoran zsolt zuzana
    zygmunt
""")
